// Package bulk is an exporter of logs to data streams of Elasticsearch that loses no line.
//
// A record's body is the document, as it is; its attributes say where it goes: `data_stream`, and `document_id`, with
// which another try writes nothing twice. What Elasticsearch cannot take for a while is tried again until it can; what
// it refuses for ever (its mapping does not know a field) goes to another data stream, with the reason.
//
// Waiting, batching and trying again are exporterhelper's.
package bulk

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Config is what a configuration says about it.
type Config struct {
	// Where Elasticsearch is: `endpoint`, `tls`, `timeout` of one request, …
	confighttp.ClientConfig `mapstructure:",squash"`

	User     string              `mapstructure:"user"`
	Password configopaque.String `mapstructure:"password"`

	// The data stream of lines that could not be kept as they are. Documents that are sent there count as such.
	RefusedStream string `mapstructure:"refused_stream"`

	Queue configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	Retry configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`
}

// Validate is asked by the collector before anything starts.
func (c *Config) Validate() error {
	if c.Endpoint == "" {
		return errors.New("`endpoint` says where Elasticsearch is")
	}
	if c.RefusedStream == "" {
		return errors.New("`refused_stream` says where refused lines go")
	}
	return nil
}

// NewFactory tells the collector what this is and how it is made.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		component.MustNewType("elasticsearch_bulk"),
		defaults,
		exporter.WithLogs(create, component.StabilityLevelStable),
	)
}

func defaults() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = 30 * time.Second
	retry := configretry.NewDefaultBackOffConfig()
	retry.MaxElapsedTime = 0
	return &Config{
		ClientConfig: client,
		Queue:        configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		Retry:        retry,
	}
}

func create(ctx context.Context, settings exporter.Settings, config component.Config) (exporter.Logs, error) {
	told := config.(*Config)
	writer, err := newWriter(told, settings.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	logs, err := exporterhelper.NewLogs(
		ctx, settings, config, writer.write,
		exporterhelper.WithStart(writer.start),
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
		// The client has one of its own.
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
		exporterhelper.WithRetry(told.Retry),
		exporterhelper.WithQueue(told.Queue),
	)
	return patient{logs}, err
}

// A receiver that is told to stop while the queue is full must not take for written what it could not hand over: it
// would not read it again. So handing over ends when there is room, or when the process is killed.
type patient struct{ exporter.Logs }

func (p patient) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	return p.Logs.ConsumeLogs(context.WithoutCancel(ctx), logs)
}
