package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/zclconf/go-cty/cty"
)

// sigV4Kind is AWS signature version 4.
var sigV4Kind = Kind{
	Arguments: map[string]Argument{
		"access_key_id":     {Kind: cty.String, Required: true},
		"secret_access_key": {Kind: cty.String, Required: true},
		"session_token":     {Kind: cty.String},
		"region":            {Kind: cty.String, Required: true},
		"service":           {Kind: cty.String, Required: true},
	},
	build: func(args arguments, env Env) (Authorizer, error) {
		return &sigV4Auth{
			signer: v4.NewSigner(),
			credentials: aws.Credentials{
				AccessKeyID:     args.text("access_key_id"),
				SecretAccessKey: args.text("secret_access_key"),
				SessionToken:    args.text("session_token"),
			},
			region: args.text("region"), service: args.text("service"), clock: env.Clock,
		}, nil
	},
}

type sigV4Auth struct {
	signer          *v4.Signer
	credentials     aws.Credentials
	region, service string
	clock           *Clock
}

func (a *sigV4Auth) authorize(r *http.Request, body []byte) error {
	sum := sha256.Sum256(body)
	err := a.signer.SignHTTP(r.Context(), a.credentials, r, hex.EncodeToString(sum[:]), a.service, a.region, a.clock.time(r.Context()))
	if err != nil {
		return notSigned(errors.New("AWS signature version 4 failed"))
	}
	return nil
}
