package contract

import (
	"errors"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// complaint is what is wrong with a request or an answer in one line: which part
// of it, and why. The validator's own text has the whole schema and the whole
// value as well.
func complaint(err error) string {
	var many openapi3.MultiError
	if errors.As(err, &many) {
		var texts []string
		for _, one := range many {
			texts = append(texts, complaint(one))
		}
		return strings.Join(texts, "; ")
	}
	var request *openapi3filter.RequestError
	var response *openapi3filter.ResponseError
	where := ""
	switch {
	case errors.As(err, &request) && request.Parameter != nil:
		where = request.Parameter.In + " parameter " + request.Parameter.Name
	case errors.As(err, &request):
		where = "the request's body"
	case errors.As(err, &response):
		where = "the answer's body"
	}
	var schema *openapi3.SchemaError
	switch {
	case where != "" && errors.As(err, &schema):
		return where + place(schema) + ": " + reason(schema)
	case request != nil && request.Err != nil:
		return where + ": " + firstLine(request.Err.Error())
	case request != nil:
		return where + ": " + firstLine(request.Reason)
	}
	return firstLine(err.Error())
}

// place is where in a body a schema is not kept.
func place(e *openapi3.SchemaError) string {
	if path := e.JSONPointer(); len(path) > 0 {
		return " at " + strings.Join(path, ".")
	}
	return ""
}

// reason says why; of several alternatives none of which fits, why the first does
// not.
func reason(e *openapi3.SchemaError) string {
	if inner := e.Origin; inner != nil {
		return firstLine(e.Reason) + " (" + complaint(inner) + ")"
	}
	return firstLine(e.Reason)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
