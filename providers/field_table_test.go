package providers

import (
	"reflect"
	"strings"
	"testing"
)

// fieldsAsTable is wholeDefinition with its fields written in two blocks.
var fieldsAsTable = strings.NewReplacer(`  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  connection "org" {
    type    = string
    default = "main"
  }
  role "limit" {
    type = number
    min  = 0
  }
  role "scopes" { type = list(string) }
  role "project" {
    type     = string
    required = true
  }
`, `  connection {
    admin_key = { required = true, sensitive = true }
    org       = { default = "main" }
  }
  role {
    limit  = { type = number, min = 0 }
    scopes = { type = list(string) }
  }
  role "project" { required = true }
`).Replace(wholeDefinition)

// TestFieldsInATable: a field means the same in a block of its own and as a member of one
// without a label, also beside each other.
func TestFieldsInATable(t *testing.T) {
	table, blocks := mustParse(t, fieldsAsTable), mustParse(t, wholeDefinition)
	if !reflect.DeepEqual(table.Connection, blocks.Connection) || !reflect.DeepEqual(table.Role, blocks.Role) {
		t.Errorf("fields are\n%v\n%v\nand not\n%v\n%v", table.Connection, table.Role, blocks.Connection, blocks.Role)
	}
	long := strings.NewReplacer("limit  = { type = number, min = 0 }", `limit = {
      type = number, default = 2 # as most have
      min  = 1, max = 3
      enum = [2, 3]
      help = "How much."
    }`).Replace(fieldsAsTable)
	limit := mustParse(t, long).Role.Lookup("limit")
	if *limit.Min != 1 || *limit.Max != 3 || len(limit.Enum) != 2 || limit.Help != "How much." || limit.Default == nil {
		t.Errorf("a field of several lines is read as %+v", limit)
	}
}

func TestFieldTableMistakes(t *testing.T) {
	for name, test := range map[string]struct {
		old, new string
		want     []string
	}{
		"unknown attribute":    {"min = 0 }", "mim = 0 }", []string{"line 10", `no attribute "mim" in role field`, `did you mean "min"?`, "                              ^^^"}},
		"attribute twice":      {"min = 0 }", "min = 0, min = 1 }", []string{`"min" is given twice`}},
		"computed attribute":   {"min = 0 }", "(role.scopes) = 0 }", []string{"must be written out"}},
		"no object":            {`{ type = number, min = 0 }`, "number", []string{"bad field", "NAME = { … }", `limit = { help = "What it is." }`}},
		"label forgotten":      {`org       = { default = "main" }`, "type = string", []string{"bad field", `connection "NAME" { … }`}},
		"block in the table":   {`scopes = { type = list(string) }`, "scopes { type = list(string) }", []string{"field written as block", "scopes = { … } with an equals sign"}},
		"bad name":             {"org       =", "Org       =", []string{"bad field name", "lower-case"}},
		"twice, in both ways":  {`role "project" { required = true }`, `role "project" { required = true }` + "\n  role \"limit\" { }", []string{`"limit" is declared twice`}},
		"default out of place": {`default = "main"`, `default = []`, []string{"line 7", "default does not fit"}},
		"sensitive role field": {`type = list(string) }`, "type = list(string), sensitive = true }", []string{"sensitive role field", "line 11"}},
		"quoted type":          {"type = number", `type = "number"`, []string{"without quotes"}},
		"field without use":    {"      limit   = role.limit\n", "", []string{"role field without use", "line 10", "    ^^^^^"}},
		"two labels":           {`role "project"`, `role "project" "x"`, []string{"label expected"}},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(fieldsAsTable, test.old) {
				t.Fatalf("the text to break is not there: %q", test.old)
			}
			_, err := Parse("acme.hcl", []byte(strings.Replace(fieldsAsTable, test.old, test.new, 1)))
			if err == nil {
				t.Fatal("the mistake is not found")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}
