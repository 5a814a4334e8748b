package build

import "testing"

func TestPinnedVersionIsAmongTheFiles(t *testing.T) {
	pinned := debianPackage{name: "influxdb", version: "1.6.7"}
	for file, want := range map[string]bool{
		"/tmp/influxdb_1.6.7~rc0-1+b13_amd64.deb":    true,
		"/tmp/influxdb_1.6.7_amd64.deb":              true,
		"/tmp/influxdb_2%3a1.6.7-1_amd64.deb":        true,
		"/tmp/influxdb_1.6.71-1_amd64.deb":           false,
		"/tmp/influxdb_1.8.0-1_amd64.deb":            false,
		"/tmp/influxdb-client_1.6.7~rc0-1_amd64.deb": false,
	} {
		if got := holds([]string{"/tmp/libc6_2.36-9_amd64.deb", file}, pinned); got != want {
			t.Errorf("%s is taken for it: %t", file, got)
		}
	}
}
