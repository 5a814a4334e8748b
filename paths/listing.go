package paths

import (
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-apikeys/backend/usererror"
)

// pageFields are what every list takes beside what is its own. The names are
// OpenBao's, whose clients send them to every list.
func pageFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"after": {
			Type:         framework.TypeString,
			Query:        true,
			Description:  "Name after which the list begins: the last one of the page before. Defaults to the first page.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "After"},
		},
		"limit": {
			Type:         framework.TypeInt,
			Query:        true,
			Description:  "How many to list at most; 0, the default, lists all.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Limit", Value: 100},
		},
	}
}

// page is the part of a list that a request asks for, in order of name.
func page[T any](all []T, nameOf func(T) string, d *framework.FieldData) ([]T, error) {
	limit, err := pageLimit(d)
	if err != nil {
		return nil, err
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b T) int { return strings.Compare(nameOf(a), nameOf(b)) })
	if after := d.Get("after").(string); after != "" {
		first := slices.IndexFunc(sorted, func(one T) bool { return nameOf(one) > after })
		if first < 0 {
			first = len(sorted)
		}
		sorted = sorted[first:]
	}
	if limit > 0 && limit < len(sorted) {
		sorted = sorted[:limit]
	}
	return sorted, nil
}

// pageLimit is how many a request asks for; 0 is all.
func pageLimit(d *framework.FieldData) (int, error) {
	limit := d.Get("limit").(int)
	if limit < 0 {
		return 0, usererror.Errorf("limit must not be negative; 0 lists all")
	}
	return limit, nil
}

// pageOfNames is page for a list of names.
func pageOfNames(names []string, d *framework.FieldData) ([]string, error) {
	return page(names, func(name string) string { return name }, d)
}
