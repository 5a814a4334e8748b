package backend

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
)

// TestMonitoringAsksForMetricsThatExist holds every expression of the alert rules
// and of the dashboard against the metrics and labels that the engine has.
func TestMonitoringAsksForMetricsThatExist(t *testing.T) {
	known := metricsAndLabels(t)
	expressions := append(alertExpressions(t), dashboardExpressions(t)...)
	if len(expressions) < 15 {
		t.Fatalf("there are %d expressions", len(expressions))
	}
	asked := map[string]bool{}
	for _, expression := range expressions {
		// Grafana puts these in before Prometheus sees them.
		parsed, err := metricsql.Parse(strings.ReplaceAll(expression, "$__rate_interval", "5m"))
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		metricsql.VisitAll(parsed, func(e metricsql.Expr) {
			var labels []string
			switch e := e.(type) {
			case *metricsql.MetricExpr:
				name := ""
				for _, filters := range e.LabelFilterss {
					for _, filter := range filters {
						if filter.Label == "__name__" {
							name = strings.TrimSuffix(filter.Value, "_bucket")
						} else {
							labels = append(labels, filter.Label)
						}
					}
				}
				asked[name] = true
				if known[name] == nil {
					t.Errorf("%s: there is no metric %q", expression, name)
				}
				for _, label := range labels {
					if !slices.Contains(known[name], label) {
						t.Errorf("%s: %s has no label %q", expression, name, label)
					}
				}
			case *metricsql.AggrFuncExpr:
				for _, label := range e.Modifier.Args {
					if !labelOfAny(known, label) {
						t.Errorf("%s: no metric has a label %q", expression, label)
					}
				}
			}
		})
	}
	for name := range known {
		if !asked[name] {
			t.Errorf("neither an alert nor the dashboard shows %s", name)
		}
	}
}

// TestMonitoringNamesLabelsThatExist: what the texts of alerts, the legends and the
// choices of the dashboard name is a label of some metric, and of the one asked for.
func TestMonitoringNamesLabelsThatExist(t *testing.T) {
	known := metricsAndLabels(t)
	named := regexp.MustCompile(`\{\{ ?(?:\$labels\.)?([a-z]+) ?\}\}`)
	chosen := regexp.MustCompile(`label_values\((\w+)[^,]*, (\w+)\)`)
	variables := []string{"$__rate_interval", "${datasource}"}
	for _, file := range []string{"../examples/monitoring/alerts.yaml", "../examples/monitoring/dashboard.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		labels := named.FindAllStringSubmatch(string(text), -1)
		if len(labels) < 5 {
			t.Errorf("%s names %d labels", file, len(labels))
		}
		for _, label := range labels {
			if !labelOfAny(known, label[1]) {
				t.Errorf("%s: no metric has a label %q", file, label[1])
			}
		}
		for _, choice := range chosen.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(known[choice[1]], choice[2]) {
				t.Errorf("%s: %s has no label %q", file, choice[1], choice[2])
			}
			variables = append(variables, "$"+choice[2])
		}
	}
	for _, expression := range dashboardExpressions(t) {
		for _, variable := range regexp.MustCompile(`\$\w+`).FindAllString(expression, -1) {
			if !slices.Contains(variables, variable) {
				t.Errorf("%s: the dashboard has no choice of %s", expression, variable)
			}
		}
	}
}

func labelOfAny(known map[string][]string, label string) bool {
	if label == "le" { // of every histogram
		return true
	}
	for _, labels := range known {
		if slices.Contains(labels, label) {
			return true
		}
	}
	return false
}

var (
	nameInDescription   = regexp.MustCompile(`fqName: "([^"]+)"`)
	labelsInDescription = regexp.MustCompile(`variableLabels: \{([^}]*)\}`)
)

// metricsAndLabels are all that the engine can ever tell.
func metricsAndLabels(t *testing.T) map[string][]string {
	t.Helper()
	w := newWorld(t)
	m := w.process.metrics
	descriptions := make(chan *prometheus.Desc, 100)
	for _, collector := range []prometheus.Collector{m.mints, m.mintSeconds, m.revocations, m.orphans, m.removals, m.rotations, gauges{w.process.Engine}} {
		collector.Describe(descriptions)
	}
	close(descriptions)
	known := map[string][]string{}
	for d := range descriptions {
		name, labels := nameInDescription.FindStringSubmatch(d.String()), labelsInDescription.FindStringSubmatch(d.String())
		known[name[1]] = []string{}
		if labels != nil && labels[1] != "" {
			known[name[1]] = strings.Split(labels[1], ",")
		}
	}
	return known
}

func alertExpressions(t *testing.T) (expressions []string) {
	t.Helper()
	text, err := os.ReadFile("../examples/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr string
				For         string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" || seen[rule.Alert] || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
				t.Errorf("rule %q has no name of its own, no severity or no summary", rule.Alert)
			}
			seen[rule.Alert] = true
			expressions = append(expressions, rule.Expr)
		}
	}
	return expressions
}

func dashboardExpressions(t *testing.T) (expressions []string) {
	t.Helper()
	text, err := os.ReadFile("../examples/monitoring/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		UID, Title string
		Panels     []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, panel := range dashboard.Panels {
		if panel.Title == "" || seen[panel.ID] || len(panel.Targets) == 0 {
			t.Errorf("panel %d, %q, shows nothing", panel.ID, panel.Title)
		}
		seen[panel.ID] = true
		for _, target := range panel.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	return expressions
}
