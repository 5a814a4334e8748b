package contract

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const reference = "../../docs/definition-tests.md"

// TestReferenceIsComplete holds the tables of the page for authors against what the
// files of cases and exchanges may hold.
func TestReferenceIsComplete(t *testing.T) {
	page, err := os.ReadFile(filepath.FromSlash(reference))
	if err != nil {
		t.Fatal(err)
	}
	for block, kind := range map[string]reflect.Type{
		"exchange": reflect.TypeFor[Exchange](), "step": reflect.TypeFor[Step](), "key": reflect.TypeFor[WantedKey](), "item": reflect.TypeFor[ListedItem](),
		"trip": reflect.TypeFor[Trip](), "contract": reflect.TypeFor[Case](),
		"rotation": reflect.TypeFor[RotationCase](), "credential": reflect.TypeFor[CredentialCase](),
	} {
		_, section, found := strings.Cut(string(page), "\n### `"+block+"`\n")
		if !found {
			t.Errorf("there is no section on %s", block)
			continue
		}
		section, _, _ = strings.Cut(section, "\n#")
		documented := map[string]bool{}
		for _, row := range regexp.MustCompile(`(?m)^\| (.+?) \|`).FindAllStringSubmatch(section, -1) {
			for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
				documented[name[1]] = true
			}
		}
		known := map[string]bool{}
		for i := range kind.NumField() {
			name, sort, _ := strings.Cut(kind.Field(i).Tag.Get("hcl"), ",")
			if sort != "label" && sort != "block" {
				known[name] = true
			}
		}
		if !maps.Equal(documented, known) {
			t.Errorf("%s: documented are\n%v, and there are\n%v", block, slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(known)))
		}
	}
	for action := range actions {
		if !strings.Contains(string(page), "`"+action+"`") {
			t.Errorf("the step %q is not documented", action)
		}
	}
}

// TestReferenceExamples reads the examples of the page.
func TestReferenceExamples(t *testing.T) {
	page, err := os.ReadFile(filepath.FromSlash(reference))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		place := filepath.Join(t.TempDir(), "example.hcl")
		if err := os.WriteFile(place, []byte(found[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(found[1], "exchange ") {
			_, err = ReadExchanges(place)
		} else {
			_, err = ReadCases(place)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
