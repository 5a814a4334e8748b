package backend

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"vault-plugin-secrets-apikeys/providers"
)

// metrics count what the active node did since it took over. Their labels are
// names that operators chose, kinds and results: never a key, its id or who
// holds it.
type metrics struct {
	registry    *prometheus.Registry
	mints       *prometheus.CounterVec
	mintSeconds *prometheus.HistogramVec
	revocations *prometheus.CounterVec
	orphans     *prometheus.CounterVec
	removals    *prometheus.CounterVec
	rotations   *prometheus.CounterVec
}

const metricsNamespace = "apikeys"

func newMetrics(e *Engine) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: metricsNamespace, Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		mints:    counter("mints_total", "Keys that the provider was asked for, by outcome.", "connection", "result"),
		mintSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: metricsNamespace,
			Name:      "mint_duration_seconds",
			Help:      "How long a mint took, from the first write to Vault's storage to the last, the provider's time included.",
			Buckets:   []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"connection"}),
		revocations: counter("revocations_total", "Tries to revoke a key in the ledger at its provider, by outcome.", "connection", "result"),
		orphans:     counter("orphans_revoked_total", "Keys that nobody held and that a reconcile revoked.", "connection"),
		removals:    counter("removals_total", "What the engine was about to remove at a provider without being asked to end that very thing, by the work that found it and by outcome; held is what somebody holds, and stays.", "connection", "work", "result"),
		rotations:   counter("rotations_total", "Rotations of admin credentials (root) and static roles (static), by outcome.", "kind", "result"),
	}
	m.registry.MustRegister(m.mints, m.mintSeconds, m.revocations, m.orphans, m.removals, m.rotations, gauges{e})
	return m
}

func (m *metrics) minted(connection string, took time.Duration, err error) {
	m.mints.WithLabelValues(connection, resultOf(err)).Inc()
	m.mintSeconds.WithLabelValues(connection).Observe(took.Seconds())
}

func (m *metrics) revoked(connection string, err error) {
	m.revocations.WithLabelValues(connection, resultOf(err)).Inc()
}

func (m *metrics) orphanRevoked(connection string) { m.orphans.WithLabelValues(connection).Inc() }

func (m *metrics) removed(connection, work string, err error) {
	m.removals.WithLabelValues(connection, work, resultOf(err)).Inc()
}

func (m *metrics) rotated(kind string, err error) {
	m.rotations.WithLabelValues(kind, resultOf(err)).Inc()
}

// forget drops what was counted for a connection that is deleted.
func (m *metrics) forget(connection string) {
	labels := prometheus.Labels{"connection": connection}
	m.mints.DeletePartialMatch(labels)
	m.mintSeconds.DeletePartialMatch(labels)
	m.revocations.DeletePartialMatch(labels)
	m.orphans.DeletePartialMatch(labels)
	m.removals.DeletePartialMatch(labels)
}

// resultOf is one of a few words for how something went.
func resultOf(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, errHeld):
		return "held"
	case errors.Is(err, errUnclear):
		return "unclear"
	case errors.Is(err, errPassive):
		return "passive"
	}
	var failed *providers.Error
	if !errors.As(err, &failed) {
		return "failed"
	}
	switch failed.Kind {
	case providers.Refused:
		return "refused"
	case providers.Unauthorized:
		return "unauthorized"
	case providers.Throttled:
		return "throttled"
	case providers.Unreachable:
		return "unreachable"
	default:
		return "unknown"
	}
}

// The gauges tell how things stand when they are asked for.
var (
	infoGauge       = gauge("info", "The running version; always 1.", "version")
	keysGauge       = gauge("keys", "Keys in the ledger, as far as it was read since the active node took over.", "connection")
	queueGauge      = gauge("queue_entries", "Revocations that wait for their provider.", "connection", "kind")
	queueSinceGauge = gauge("queue_oldest_entry_timestamp_seconds", "Since when the oldest of a connection's revocations waits.", "connection")
	recoveringGauge = gauge("recovering", "1 for each connection that was in use at a crash and is not reconciled yet.", "connection")
	passiveGauge    = gauge("passive", "1 while the mount may be a copy of another one, and so ends, replaces and removes nothing.")
	failingGauge    = gauge("rotations_failing", "Admin credentials (root) and static roles (static) whose last rotation failed.", "kind")
)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(metricsNamespace, "", name), help, labels, nil)
}

// gauges is a prometheus.Collector.
type gauges struct{ engine *Engine }

// Describe implements prometheus.Collector.
func (g gauges) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{infoGauge, keysGauge, queueGauge, queueSinceGauge, recoveringGauge, passiveGauge, failingGauge} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(into chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	e := g.engine
	tell(infoGauge, 1, Version)
	for connection, n := range e.books.ledger.ByConnection() {
		tell(keysGauge, float64(n), connection)
	}
	passive := 0.0
	if e.passive() {
		passive = 1
	}
	tell(passiveGauge, passive)
	for _, connection := range e.pending.recoveries.names() {
		tell(recoveringGauge, 1, connection)
	}
	failing := e.rotations.failing.counts(e.books.timetable.Failing())
	for _, kind := range []string{rootKind, staticKind} {
		tell(failingGauge, float64(failing[kind]), kind)
	}
	waiting, since := e.books.queue.Waiting()
	for of, n := range waiting {
		tell(queueGauge, float64(n), of.Connection, string(of.Kind))
	}
	for connection, at := range since {
		tell(queueSinceGauge, float64(at.Unix()), connection)
	}
}

// Metrics are the engine's metrics in the Prometheus text format, version 0.0.4.
// They hold no secret and no key.
func (e *Engine) Metrics() ([]byte, error) {
	families, err := e.metrics.registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("gathering the metrics: %w", err)
	}
	var text bytes.Buffer
	encoder := expfmt.NewEncoder(&text, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return nil, fmt.Errorf("writing the metrics: %w", err)
		}
	}
	return text.Bytes(), nil
}
