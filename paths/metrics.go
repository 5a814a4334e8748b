package paths

import (
	"context"
	"net/http"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
)

// metricsType is the media type of Prometheus's text format.
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

func metricsPaths(e *backend.Engine) []*framework.Path {
	m := metricsEndpoint{e}
	return []*framework.Path{{
		Pattern: "metrics/?$",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "metrics",
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:  m.read,
				Summary:   "Read the engine's metrics.",
				Responses: map[int][]framework.Response{http.StatusOK: {{Description: "Metrics in Prometheus's text format.", MediaType: "text/plain"}}},
				// The keys' lives are the active node's.
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
			},
		},
		HelpSynopsis: "Read the engine's metrics, for Prometheus.",
		HelpDescription: `
What was minted, revoked and rotated since the active node took over, and what waits, in Prometheus's
text format. Labels name connections, kinds and results, and never a key or its holder. A scraper sends
a token that may read this path as its bearer token.`,
	}}
}

type metricsEndpoint struct{ engine *backend.Engine }

func (m metricsEndpoint) read(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
	text, err := m.engine.Metrics()
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		logical.HTTPContentType: metricsType,
		logical.HTTPStatusCode:  http.StatusOK,
		logical.HTTPRawBody:     text,
	}}, nil
}
