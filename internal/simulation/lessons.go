package simulation

// lessons are the definitions whose dialect is read from their exchanges (learned.go), with
// what those do not tell.
var lessons = map[string]lesson{
	"ably":                   {},
	"aiven":                  {},
	"argocd":                 {},
	"artifactory":            {},
	"aws-apigateway":         {credential: "access_key_id"},
	"baseten":                {},
	"bifrost":                {},
	"binance":                {},
	"bitbucket-datacenter":   {end: "days=expiryDays"},
	"bitget":                 {},
	"buildkite":              {},
	"bybit":                  {},
	"clickhouse-cloud":       {},
	"coinex":                 {},
	"confluent":              {},
	"contentful":             {},
	"databricks":             {},
	"digitalocean-functions": {end: "hours=expires_in"},
	"dynatrace":              {},
	"elevenlabs":             {},
	"fastly":                 {},
	"fireworks":              {},
	"gate":                   {},
	"heroku":                 {},
	"honeycomb":              {},
	"kong":                   {},
	"kucoin":                 {end: "days=expire"},
	"mapbox":                 {},
	"mexc":                   {},
	"mongodb-atlas":          {end: "hours=secretExpiresAfterHours"},
	"mongodb-atlas-ai":       {},
	"netbird":                {end: "days=expires_in"},
	"netbird-setup-keys":     {},
	"nomad":                  {},
	"npm":                    {},
	"okx":                    {},
	"planetscale":            {},
	"postmark":               {},
	"proxmox": {more: `
GET /api2/json/version who {"data": {}}`},
	"scaleway":       {},
	"sentry":         {},
	"sonarqube":      {},
	"strapi":         {end: "life=lifespan"},
	"supabase":       {},
	"temporal-cloud": {},
	"tyk-dashboard":  {},
	"unkey":          {},
	"whitebit":       {},
}

// notPlayed are the other definitions of the catalog, and what keeps each from being played.
var notPlayed = map[string]string{
	"algolia":            ofValue,
	"headscale":          ofValue,
	"tyk":                ofValue,
	"vercel-edge-config": ofValue,

	"auth0":        ofOtherHost,
	"azure-apim":   ofOtherHost,
	"backblaze-b2": ofOtherHost,
	"pinecone":     ofOtherHost,
	"twilio":       ofOtherHost,
	"xai":          ofOtherHost,

	"github-app":     ofPrivateKey,
	"google-apikeys": ofPrivateKey,
	"snowflake":      ofPrivateKey,

	"auth0-client-secret":          ofInPlace,
	"azure-apim-subscription":      ofInPlace,
	"terraform-cloud-organization": ofInPlace,
	"upstash-database":             ofInPlace,

	"cloudflare-stream": ofNoName,
	"mux-signing-keys":  ofNoName,

	"perplexity": ofNoList,
	"vault":      ofNoList,

	"influxdb1": ofQueries,
	"upstash":   ofQueries,
	"zabbix":    ofQueries,

	"deribit":           "each request that changes something is made twice, the second time with a one-time password",
	"etcd":              "a key is a user of three requests, and its passwords are chosen: the lives of rabbitmq's are of the same shape",
	"express-gateway":   "a key is a credential of a user that is made for it, by two requests whose answers are of another form each",
	"headscale-apikeys": "each of its keys is an admin credential, which the world's provider tells apart",
	"icinga2":           "a key is a piece of configuration that is written as text",
	"verdaccio":         "its keys are users in a file, and its admin credential is one of them",
}

// What keeps several from being played.
const (
	ofValue      = "the id of a key is its value, which the world takes for a leak wherever an id may stand"
	ofOtherHost  = "some of its requests go to an https address of their own, and the world has no certificates"
	ofPrivateKey = "the admin credential is a private key, and whose a signature is the world's provider cannot tell"
	ofInPlace    = "its one secret is replaced in place: lives have that of the world's own definition"
	ofNoName     = "its requests say no name, by which the world knows whose key is whose: lives have that of the world's own definition"
	ofNoList     = "it has no list, and nothing tells an id beforehand: lives have that of the world's own definition"
	ofQueries    = "all requests go to one address, and what is asked stands in a language of their own"
)
