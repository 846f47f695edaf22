// Prints what a kubelet's cAdvisor exposes of these containers: `go run . < containers.json`.
//
// The collector is cAdvisor's own; the labels are those that a kubelet gives (containerPrometheusLabelsFunc in
// pkg/kubelet/server/server.go of Kubernetes).
package main

import (
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/google/cadvisor/container"
	info "github.com/google/cadvisor/info/v1"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"k8s.io/utils/clock"
)

// One container, or the sandbox of a pod, whose container is called "".
type one struct {
	Namespace, Pod, Container string
	Memory, Limit             uint64
}

type node []one

func (n node) GetRequestedContainersInfo(string, v2.RequestOptions) (map[string]*info.ContainerInfo, error) {
	found := map[string]*info.ContainerInfo{}
	for _, c := range n {
		id := "/kubepods.slice/" + c.Namespace + "/" + c.Pod + "/" + c.Container
		stats := &info.ContainerStats{Timestamp: time.Unix(1, 0)}
		stats.Memory.WorkingSet, stats.Memory.Usage = c.Memory, c.Memory
		stats.Cpu.Usage.Total = uint64(time.Minute)
		stats.Cpu.CFS = info.CpuCFS{Periods: 100, ThrottledPeriods: 1, ThrottledTime: 1}
		spec := info.ContainerSpec{
			HasCpu: true, HasMemory: true, HasNetwork: c.Container == "",
			Cpu: info.CpuSpec{Quota: 20000, Period: 100000}, Memory: info.MemorySpec{Limit: c.Limit},
			Labels: map[string]string{
				"io.kubernetes.pod.namespace":  c.Namespace,
				"io.kubernetes.pod.name":       c.Pod,
				"io.kubernetes.container.name": c.Container,
			},
		}
		if c.Container == "" {
			stats.Network.Interfaces = []info.InterfaceStats{{Name: "eth0", RxBytes: 4096, TxBytes: 2048}}
		}
		found[id] = &info.ContainerInfo{
			ContainerReference: info.ContainerReference{Name: id, Aliases: []string{c.Namespace + c.Pod + c.Container}},
			Spec:               spec,
			Stats:              []*info.ContainerStats{stats},
		}
	}
	return found, nil
}

func (node) GetVersionInfo() (*info.VersionInfo, error) { return &info.VersionInfo{}, nil }
func (node) GetMachineInfo() (*info.MachineInfo, error) { return &info.MachineInfo{}, nil }

func labels(c *info.ContainerInfo) map[string]string {
	return map[string]string{
		metrics.LabelID:    c.Name,
		metrics.LabelName:  c.Aliases[0],
		metrics.LabelImage: c.Spec.Image,
		"pod":              c.Spec.Labels["io.kubernetes.pod.name"],
		"namespace":        c.Spec.Labels["io.kubernetes.pod.namespace"],
		"container":        c.Spec.Labels["io.kubernetes.container.name"],
	}
}

func main() {
	var containers node
	if err := json.NewDecoder(os.Stdin).Decode(&containers); err != nil {
		log.Fatal(err)
	}
	// As a kubelet includes them.
	included := container.MetricSet{
		container.CpuUsageMetrics: {}, container.MemoryUsageMetrics: {}, container.NetworkUsageMetrics: {},
	}
	registry := prometheus.NewRegistry()
	collector := metrics.NewPrometheusCollector(containers, labels, included, clock.RealClock{}, v2.RequestOptions{})
	registry.MustRegister(collector)
	families, err := registry.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.Metric {
			metric.TimestampMs = nil
		}
		if _, err := expfmt.MetricFamilyToText(os.Stdout, family); err != nil {
			log.Fatal(err)
		}
	}
}
