package providers

import (
	"testing"
	"time"
)

// The case get-vanilla of the AWS Signature Version 4 test suite.
func TestSigV4MatchesPublishedVector(t *testing.T) {
	c := authClient(t, `auth "sigv4" {
    access_key_id     = connection.id
    secret_access_key = connection.secret
    region            = "us-east-1"
    service           = "service"
  }`, "https://example.amazonaws.com", Values{
		"id":     "AKIDEXAMPLE",
		"secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
	}, time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
	r := signedRequest(t, c, "GET", "https://example.amazonaws.com/", "")
	want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
		"SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := r.Header.Get("X-Amz-Date"); got != "20150830T123600Z" {
		t.Errorf("X-Amz-Date is %q", got)
	}
}
