package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// The commands of a page can be pasted: what is secret is a variable of the
// environment, and the rest are the values that the tests make keys by, or those of
// providers/testdata/examples.hcl. TestExamplesOfPagesAreTaken pastes them.

// connectionExample are the arguments that write a connection.
func connectionExample(p page) string {
	var args []string
	for _, field := range p.Connection {
		value, tried := p.Evidence.connection[field.Name]
		switch {
		case !tried && !field.Required:
		case field.Sensitive || value == nil:
			args = append(args, fmt.Sprintf(`%s="$%s"`, field.Name, providers.Variable(p.Name, field.Name)))
		default:
			args = append(args, argument(field, value))
		}
	}
	if p.NeedsBaseURL() {
		args = append([]string{fmt.Sprintf(`base_url="$%s"`, providers.Variable(p.Name, "base_url"))}, args...)
	}
	return joined(args)
}

// roleExample are the arguments that write a role.
func roleExample(p page) string {
	var args []string
	for _, field := range p.Role {
		if value, tried := p.Evidence.role[field.Name]; tried {
			args = append(args, argument(field, value))
		}
	}
	return joined(args)
}

// ttlExample is how long a key of the example lives: an hour, where one may.
func ttlExample(p page) string {
	if longest := p.Expiry.LongestLease(); longest > 0 && longest < time.Hour {
		return "30m"
	}
	return "1h"
}

func joined(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return " " + strings.Join(args, " ")
}

// plainWord needs no quotes in a shell.
var plainWord = regexp.MustCompile(`^[a-zA-Z0-9_.,:/@-]+$`)

func argument(field *providers.Field, value any) string {
	var text string
	switch value := value.(type) {
	case string:
		text = value
	case []any:
		text = listed(value)
	default:
		text = encoded(value)
	}
	if !plainWord.MatchString(text) {
		text = "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return field.Name + "=" + text
}

// listed writes texts with commas between them, and other values as JSON.
func listed(values []any) string {
	var texts []string
	for _, value := range values {
		text, ok := value.(string)
		if !ok || strings.Contains(text, ",") {
			return encoded(values)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}

func encoded(value any) string {
	text, _ := json.Marshal(value) // it was JSON before
	return string(text)
}
