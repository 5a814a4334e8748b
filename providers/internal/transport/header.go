package transport

import (
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// ownHeaders are set by the HTTP client itself; setting them would change
// where a request goes or where it ends.
var ownHeaders = map[string]bool{
	"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true,
	"Upgrade": true, "Te": true, "Trailer": true, "Proxy-Authorization": true, "Proxy-Connection": true,
	"Accept-Encoding": true, "Expect": true,
}

// CheckHeader refuses what would end a header early or steer the connection.
func CheckHeader(name, value string) error {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return fmt.Errorf("%q is no header name", name)
	case ownHeaders[http.CanonicalHeaderKey(name)]:
		return fmt.Errorf("the header %s cannot be set", http.CanonicalHeaderKey(name))
	case !httpguts.ValidHeaderFieldValue(value) || strings.ContainsAny(value, "\r\n\x00"):
		return fmt.Errorf("the value of header %s holds control characters", http.CanonicalHeaderKey(name))
	}
	return nil
}
