package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// unknownQuery names the query parameters that the operation does not have.
func unknownQuery(route *routers.Route, query url.Values) error {
	var known []string
	for _, list := range []openapi3.Parameters{route.PathItem.Parameters, route.Operation.Parameters} {
		for _, parameter := range list {
			if parameter.Value != nil && parameter.Value.In == openapi3.ParameterInQuery {
				known = append(known, parameter.Value.Name)
			}
		}
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(known, name) {
			problems = append(problems, fmt.Errorf("query parameter %q is not among %v", name, known))
		}
	}
	return errors.Join(problems...)
}

// mostForm bounds a multipart body in memory, in bytes.
const mostForm = 1 << 20

// bodyOf decodes a JSON or form body; nil for none and for any other kind.
func bodyOf(header http.Header, text []byte) (any, error) {
	kind, parameters, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case len(text) == 0:
		return nil, nil
	case strings.HasSuffix(kind, "json"):
		return decodeJSON(text)
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(text))
		if err != nil {
			return nil, err
		}
		return firstOf(form), nil
	case kind == "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(text), parameters["boundary"]).ReadForm(mostForm)
		if err != nil {
			return nil, err
		}
		return firstOf(form.Value), nil
	}
	return nil, nil
}

// firstOf is a form as an object; of several values the first.
func firstOf(form map[string][]string) map[string]any {
	object := map[string]any{}
	for name, values := range form {
		object[name] = values[0]
	}
	return object
}

// bodySchema is the schema of the request's body, nil where there is none.
func bodySchema(operation *openapi3.Operation, header http.Header) *openapi3.Schema {
	if operation.RequestBody == nil || operation.RequestBody.Value == nil {
		return nil
	}
	content := operation.RequestBody.Value.Content.Get(header.Get("Content-Type"))
	if content == nil || content.Schema == nil {
		return nil
	}
	return content.Schema.Value
}

// unknownFields names the properties of value that the schema does not have.
// JSON Schema lets an object hold more than it names; most providers refuse
// that, or ignore it silently, which is worse.
func unknownFields(s *openapi3.Schema, value any, place string) error {
	switch value := value.(type) {
	case map[string]any:
		return unknownProperties(s, value, place)
	case []any:
		var problems []error
		for _, items := range itemsOf(s) {
			for _, element := range value {
				problems = append(problems, unknownFields(items, element, place+"[]"))
			}
		}
		return errors.Join(problems...)
	}
	return nil
}

func unknownProperties(s *openapi3.Schema, value map[string]any, place string) error {
	properties, open := propertiesOf(s)
	if open || len(properties) == 0 {
		return nil
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(value)) {
		property, ok := properties[name]
		if !ok {
			problems = append(problems, fmt.Errorf("body field %q is not among %v", within(place, name), slices.Sorted(maps.Keys(properties))))
			continue
		}
		problems = append(problems, unknownFields(property, value[name], within(place, name)))
	}
	return errors.Join(problems...)
}

// propertiesOf are the properties of a schema and of all that it is composed
// of; open says that it allows others by its own word.
func propertiesOf(s *openapi3.Schema) (properties map[string]*openapi3.Schema, open bool) {
	properties = map[string]*openapi3.Schema{}
	open = s.AdditionalProperties.Schema != nil || len(s.PatternProperties) > 0 ||
		s.AdditionalProperties.Has != nil && *s.AdditionalProperties.Has
	for name, property := range s.Properties {
		if property.Value != nil {
			properties[name] = property.Value
		}
	}
	for _, part := range partsOf(s) {
		inner, innerOpen := propertiesOf(part)
		for name, property := range inner {
			if _, ok := properties[name]; !ok {
				properties[name] = property
			}
		}
		open = open || innerOpen
	}
	return properties, open
}

func itemsOf(s *openapi3.Schema) []*openapi3.Schema {
	var items []*openapi3.Schema
	if s.Items != nil && s.Items.Value != nil {
		items = append(items, s.Items.Value)
	}
	for _, part := range partsOf(s) {
		items = append(items, itemsOf(part)...)
	}
	return items
}

func partsOf(s *openapi3.Schema) []*openapi3.Schema {
	var parts []*openapi3.Schema
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, part := range list {
			if part.Value != nil {
				parts = append(parts, part.Value)
			}
		}
	}
	return parts
}

// presented is the credential that a request shows to a security scheme.
func presented(r *http.Request, scheme *openapi3.SecurityScheme) string {
	switch {
	case scheme.Type == "http" && strings.EqualFold(scheme.Scheme, "basic"):
		user, password, _ := r.BasicAuth()
		if user == "" {
			return ""
		}
		return password
	case scheme.Type == "http" && strings.EqualFold(scheme.Scheme, "digest"):
		return digestUser(r)
	case scheme.Type == "apiKey" && scheme.In == openapi3.ParameterInQuery:
		return r.URL.Query().Get(scheme.Name)
	case scheme.Type == "apiKey" && scheme.In == openapi3.ParameterInCookie:
		cookie, err := r.Cookie(scheme.Name)
		if err != nil {
			return ""
		}
		return cookie.Value
	case scheme.Type == "apiKey":
		return lastWord(r.Header.Get(scheme.Name))
	default: // bearer, OAuth2, OpenID Connect
		kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if strings.EqualFold(kind, "bearer") {
			return token
		}
		if strings.Contains(kind, ":") { // an id and a token, where the document knows OAuth alone
			return kind
		}
		return ""
	}
}

// lastWord leaves out what a provider wants before the key, such as "token ".
func lastWord(header string) string { return header[strings.LastIndex(header, " ")+1:] }

// anywhere are all credentials that a request shows, for documents that do
// not say where theirs belongs.
func anywhere(r *http.Request) []string {
	var found []string
	if _, password, ok := r.BasicAuth(); ok {
		found = append(found, password)
	}
	for _, values := range r.Header {
		found = append(found, lastWord(values[0]))
	}
	for _, values := range r.URL.Query() {
		found = append(found, values[0])
	}
	return found
}

// authenticator accepts what shows a scheme a credential that accept takes.
func authenticator(accept func(credential string) bool) openapi3filter.AuthenticationFunc {
	return func(_ context.Context, input *openapi3filter.AuthenticationInput) error {
		if !accept(presented(input.RequestValidationInput.Request, input.SecurityScheme)) {
			return input.NewError(errors.New("the credential is missing, or is none that is accepted"))
		}
		return nil
	}
}
