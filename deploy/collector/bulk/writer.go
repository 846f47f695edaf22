package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

const (
	dataStream = "data_stream"
	documentID = "document_id"
	// How much of an answer is shown that is not what was expected.
	excerpt = 1000
)

// Fields that a refused document takes over from the line, if they are texts there.
var origin = []string{
	"service.name", "service.environment", "host.name", "log.iostream",
	"kubernetes.namespace", "kubernetes.pod.name", "kubernetes.container.name",
}

type writer struct {
	config *Config
	about  component.TelemetrySettings
	client *http.Client
	url    string

	failures, refused, lost metric.Int64Counter
}

func newWriter(config *Config, about component.TelemetrySettings) (*writer, error) {
	w := &writer{config: config, about: about}
	w.url = strings.TrimRight(config.Endpoint, "/") + "/_bulk?require_data_stream=true&filter_path=items.*.status,items.*.error"
	meter := about.MeterProvider.Meter("lyceum.example/collector/bulk")
	var errs [3]error
	w.failures, errs[0] = meter.Int64Counter("lyceum_log_bulk_failures",
		metric.WithDescription("Bulk requests that Elasticsearch did not take; they are tried again."))
	w.refused, errs[1] = meter.Int64Counter("lyceum_log_refused_lines",
		metric.WithDescription("Lines that are no JSON or that the mapping refused."))
	w.lost, errs[2] = meter.Int64Counter("lyceum_log_lost_lines",
		metric.WithDescription("Refused lines that could not be kept as refused lines either."))
	// So that a rule sees the first one as an increase.
	for _, counter := range []metric.Int64Counter{w.failures, w.refused, w.lost} {
		counter.Add(context.Background(), 0)
	}
	return w, errors.Join(errs[:]...)
}

func (w *writer) start(ctx context.Context, host component.Host) (err error) {
	w.client, err = w.config.ToClient(ctx, host.GetExtensions(), w.about)
	return err
}

// A document on its way, and the record that it was, for another try.
type document struct {
	stream, id string
	body       []byte
	record     plog.LogRecord
}

// What Elasticsearch says of one document.
type outcome struct {
	Status int `json:"status"`
	Error  *struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
		Cause  *struct {
			Reason string `json:"reason"`
		} `json:"caused_by"`
	} `json:"error"`
}

// A document that is there already was written by an earlier try.
func (o outcome) written() bool { return o.Status/100 == 2 || o.Status == http.StatusConflict }

// Only what is wrong with the document itself stays wrong. A right that is missing, a disk that is full or a template
// that nobody has installed yet is put right by somebody.
func (o outcome) refused() bool {
	return o.Status == http.StatusBadRequest || o.Status == http.StatusRequestEntityTooLarge
}

func (o outcome) reason() string {
	if o.Error == nil {
		return "status " + strconv.Itoa(o.Status)
	}
	text := o.Error.Type + ": " + o.Error.Reason
	if o.Error.Cause != nil {
		text += ": " + o.Error.Cause.Reason
	}
	return text
}

// Writes everything, or says what has to be tried again.
func (w *writer) write(ctx context.Context, logs plog.Logs) error {
	documents := w.documents(logs)
	outcomes, err := w.send(ctx, documents)
	if err != nil {
		return err
	}
	again, why := w.sort(ctx, documents, outcomes)
	if len(again) == 0 {
		return nil
	}
	return consumererror.NewLogs(fmt.Errorf("%d of %d documents: %w", len(again), len(documents), why), records(again))
}

// Puts refused ones aside; what is left has to be tried again.
func (w *writer) sort(ctx context.Context, documents []document, outcomes []outcome) (again []document, why error) {
	var aside, refused []document
	for at, one := range documents {
		switch result := outcomes[at]; {
		case result.written():
			if one.stream == w.config.RefusedStream && result.Status != http.StatusConflict {
				w.refused.Add(ctx, 1)
			}
		case result.refused():
			refused = append(refused, one)
			aside = append(aside, w.aside(one, result))
		default:
			again, why = append(again, one), errors.New(result.reason())
		}
	}
	if len(aside) == 0 {
		return again, why
	}
	outcomes, err := w.send(ctx, aside)
	if err != nil {
		return append(again, refused...), err
	}
	for at, result := range outcomes {
		switch {
		case result.Status == http.StatusConflict:
		case result.written():
			w.refused.Add(ctx, 1)
		case result.refused():
			// Its fields are our own: the template of the refused lines is not the one that belongs to this.
			w.lost.Add(ctx, 1)
			w.about.Logger.Error("a refused line could not be kept",
				zap.String("reason", result.reason()), zap.ByteString("line", refused[at].body))
		default:
			again, why = append(again, refused[at]), errors.New(result.reason())
		}
	}
	return again, why
}

// Sends documents in one request, and in halves if it is the request that is refused.
func (w *writer) send(ctx context.Context, documents []document) ([]outcome, error) {
	outcomes, refusal, err := w.request(ctx, documents)
	if err != nil {
		w.failures.Add(ctx, 1)
		return nil, err
	}
	if refusal == nil {
		return outcomes, nil
	}
	if len(documents) == 1 {
		return []outcome{*refusal}, nil
	}
	half := len(documents) / 2
	first, err := w.send(ctx, documents[:half])
	if err != nil {
		return nil, err
	}
	second, err := w.send(ctx, documents[half:])
	return append(first, second...), err
}

func (w *writer) request(ctx context.Context, documents []document) (outcomes []outcome, refusal *outcome, err error) {
	if len(documents) == 0 {
		return nil, nil, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(lines(documents)))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	if w.config.User != "" {
		request.SetBasicAuth(w.config.User, string(w.config.Password))
	}
	response, err := w.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, err
	}
	whole := outcome{Status: response.StatusCode}
	if whole.refused() {
		_ = json.Unmarshal(body, &whole)
		return nil, &whole, nil
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("Elasticsearch answers %s: %.*s", response.Status, excerpt, body)
		if seconds, parsed := strconv.Atoi(response.Header.Get("Retry-After")); parsed == nil {
			err = exporterhelper.NewThrottleRetry(err, time.Duration(seconds)*time.Second)
		}
		return nil, nil, err
	}
	var answer struct {
		Items []map[string]outcome `json:"items"`
	}
	if err = json.Unmarshal(body, &answer); err != nil || len(answer.Items) != len(documents) {
		return nil, nil, fmt.Errorf("%d documents, and an answer about others: %.*s", len(documents), excerpt, body)
	}
	for _, item := range answer.Items {
		outcomes = append(outcomes, item["create"])
	}
	return outcomes, nil, nil
}

func (w *writer) documents(logs plog.Logs) (found []document) {
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				found = append(found, document{
					stream: text(record.Attributes(), dataStream),
					id:     text(record.Attributes(), documentID),
					body:   encode(record.Body().AsRaw()),
					record: record,
				})
			}
		}
	}
	return found
}

// What is kept of a line that cannot be kept as it is.
func (w *writer) aside(one document, why outcome) document {
	fields := map[string]any{
		"@timestamp":     one.record.Timestamp().AsTime().Format(time.RFC3339Nano),
		"message":        "This line could not be kept as it is.",
		"event.original": string(one.body),
		"error.message":  why.reason(),
	}
	if body := one.record.Body(); body.Type() == pcommon.ValueTypeMap {
		for _, name := range origin {
			if value, there := body.Map().Get(name); there && value.Type() == pcommon.ValueTypeStr {
				fields[name] = value.Str()
			}
		}
	}
	return document{stream: w.config.RefusedStream, id: one.id, body: encode(fields), record: one.record}
}

func lines(documents []document) []byte {
	var body bytes.Buffer
	for _, one := range documents {
		// The only action that a data stream takes.
		where := map[string]string{"_index": one.stream}
		if one.id != "" {
			where["_id"] = one.id
		}
		body.Write(encode(map[string]any{"create": where}))
		body.WriteByte('\n')
		body.Write(one.body)
		body.WriteByte('\n')
	}
	return body.Bytes()
}

func records(documents []document) plog.Logs {
	logs := plog.NewLogs()
	to := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, one := range documents {
		one.record.CopyTo(to.AppendEmpty())
	}
	return logs
}

func text(attributes pcommon.Map, name string) string {
	if value, there := attributes.Get(name); there {
		return value.AsString()
	}
	return ""
}

func encode(value any) []byte {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	// What a record can hold is JSON but for numbers that are none, which no line of JSON has.
	if err := encoder.Encode(value); err != nil {
		return []byte("{}")
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n"))
}
