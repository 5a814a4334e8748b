package backend

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// metrics count what the active node did since it took over. Their labels are
// names that operators chose, within mostLabels, kinds and results: never a key, its
// id or who holds it.
type metrics struct {
	registry    *prometheus.Registry
	connections labelNames
	roles       labelNames
	staticRoles labelNames
	mints       *prometheus.CounterVec
	mintSeconds *prometheus.HistogramVec
	revocations *prometheus.CounterVec
	orphans     *prometheus.CounterVec
	removals    *prometheus.CounterVec
	rotations   *prometheus.CounterVec
}

const (
	metricsNamespace = "apikeys"

	// What a key was minted for: a role's readers, or a static role.
	leasedKind = "leased"

	// mostLabels is how many connections, roles and static roles have metrics of
	// their own, each; the others share those of otherName.
	mostLabels = 500
	otherName  = "other"
)

// labelNames are the names that a label shows.
type labelNames struct {
	mu    sync.Mutex
	shown map[string]bool
}

// label is the name, as long as there are few; then it is otherName.
func (l *labelNames) label(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case name == "" || l.shown[name]:
		return name
	case len(l.shown) >= mostLabels:
		return otherName
	case l.shown == nil:
		l.shown = map[string]bool{}
	}
	l.shown[name] = true
	return name
}

// forget makes room for another name.
func (l *labelNames) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.shown, name)
}

func newMetrics(e *Engine) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: metricsNamespace, Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		mints:    counter("mints_total", "Keys that the provider was asked for, by outcome; kind is leased or static, as the role is.", "connection", "kind", "role", "result"),
		mintSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: metricsNamespace,
			Name:      "mint_duration_seconds",
			Help:      "How long a mint took, from the first write to Vault's storage to the last, the provider's time included.",
			Buckets:   []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"connection"}),
		revocations: counter("revocations_total", "Tries to revoke a key in the ledger at its provider, by outcome; kind is leased or static, as the role is.", "connection", "kind", "role", "result"),
		orphans:     counter("orphans_revoked_total", "Keys that nobody held and that a reconcile revoked.", "connection"),
		removals:    counter("removals_total", "What the engine was about to remove at a provider without being asked to end that very thing, by the work that found it and by outcome; held is what somebody holds, and stays.", "connection", "work", "result"),
		rotations:   counter("rotations_total", "Rotations of admin credentials (root) and static roles (static), by outcome.", "kind", "connection", "role", "result"),
	}
	m.registry.MustRegister(m.mints, m.mintSeconds, m.revocations, m.orphans, m.removals, m.rotations, gauges{e})
	return m
}

func (m *metrics) minted(r *ledger.Record, took time.Duration, err error) {
	connection := m.connections.label(r.Connection)
	kind, role := m.roleOf(r)
	m.mints.WithLabelValues(connection, kind, role, resultOf(err)).Inc()
	m.mintSeconds.WithLabelValues(connection).Observe(took.Seconds())
}

func (m *metrics) revoked(r *ledger.Record, err error) {
	kind, role := m.roleOf(r)
	m.revocations.WithLabelValues(m.connections.label(r.Connection), kind, role, resultOf(err)).Inc()
}

// roleOf is what a key was minted for.
func (m *metrics) roleOf(r *ledger.Record) (kind, role string) {
	if r.StaticRole != "" {
		return staticKind, m.staticRoles.label(r.StaticRole)
	}
	return leasedKind, m.roles.label(r.Role)
}

func (m *metrics) orphanRevoked(connection string) {
	m.orphans.WithLabelValues(m.connections.label(connection)).Inc()
}

func (m *metrics) removed(connection, work string, err error) {
	m.removals.WithLabelValues(m.connections.label(connection), work, resultOf(err)).Inc()
}

func (m *metrics) rotatedRoot(connection string, err error) {
	m.rotations.WithLabelValues(rootKind, m.connections.label(connection), "", resultOf(err)).Inc()
}

func (m *metrics) rotatedStatic(connection, role string, err error) {
	m.rotations.WithLabelValues(staticKind, m.connections.label(connection), m.staticRoles.label(role), resultOf(err)).Inc()
}

// forgetConnection drops what was counted for a connection that is deleted.
func (m *metrics) forgetConnection(name string) {
	m.forget(prometheus.Labels{"connection": name})
	m.orphans.DeleteLabelValues(name)
	m.mintSeconds.DeleteLabelValues(name)
	m.removals.DeletePartialMatch(prometheus.Labels{"connection": name})
	m.connections.forget(name)
}

// forgetRole drops what was counted for a role that is deleted.
func (m *metrics) forgetRole(name string) {
	m.forget(prometheus.Labels{"kind": leasedKind, "role": name})
	m.roles.forget(name)
}

// forgetStaticRole drops what was counted for a static role that is deleted.
func (m *metrics) forgetStaticRole(name string) {
	m.forget(prometheus.Labels{"kind": staticKind, "role": name})
	m.staticRoles.forget(name)
}

func (m *metrics) forget(labels prometheus.Labels) {
	m.mints.DeletePartialMatch(labels)
	m.revocations.DeletePartialMatch(labels)
	m.rotations.DeletePartialMatch(labels)
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
		if mistake := (*usererror.Error)(nil); errors.As(err, &mistake) {
			return "invalid"
		}
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
	failingGauge    = gauge("rotations_failing", "Admin credentials (root) and static roles (static) whose last rotation failed; name is the connection or the static role.", "kind", "name")
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
	e := g.engine
	told := toldGauges{into: into}
	told.tell(infoGauge, 1, Version)
	told.tell(passiveGauge, oneIf(e.passive()))
	for kind, names := range e.rotations.failing.names(e.books.timetable.Failing()) {
		labels := &e.metrics.connections
		if kind == staticKind {
			labels = &e.metrics.staticRoles
		}
		for _, name := range names {
			told.add(failingGauge, 1, kind, labels.label(name))
		}
	}
	connections := &e.metrics.connections
	for connection, n := range e.books.ledger.ByConnection() {
		told.add(keysGauge, float64(n), connections.label(connection))
	}
	for _, connection := range e.pending.recoveries.names() {
		told.add(recoveringGauge, 1, connections.label(connection))
	}
	waiting, since := e.books.queue.Waiting()
	for of, n := range waiting {
		told.add(queueGauge, float64(n), connections.label(of.Connection), string(of.Kind))
	}
	oldest := map[string]time.Time{}
	for connection, at := range since {
		label := connections.label(connection)
		if known, ok := oldest[label]; !ok || at.Before(known) {
			oldest[label] = at
		}
	}
	for label, at := range oldest {
		told.tell(queueSinceGauge, float64(at.Unix()), label)
	}
	told.tellSums()
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// toldGauges adds up what several names that share a label come to.
type toldGauges struct {
	into chan<- prometheus.Metric
	sums map[*prometheus.Desc]map[string]*gaugeSum
}

type gaugeSum struct {
	labels []string
	value  float64
}

func (t *toldGauges) tell(d *prometheus.Desc, value float64, labels ...string) {
	t.into <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (t *toldGauges) add(d *prometheus.Desc, value float64, labels ...string) {
	if t.sums == nil {
		t.sums = map[*prometheus.Desc]map[string]*gaugeSum{}
	}
	if t.sums[d] == nil {
		t.sums[d] = map[string]*gaugeSum{}
	}
	key := strings.Join(labels, "\x00")
	if t.sums[d][key] == nil {
		t.sums[d][key] = &gaugeSum{labels: labels}
	}
	t.sums[d][key].value += value
}

func (t *toldGauges) tellSums() {
	for d, sums := range t.sums {
		for _, sum := range sums {
			t.tell(d, sum.value, sum.labels...)
		}
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
