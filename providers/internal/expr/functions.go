package expr

import (
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Functions are what expressions may call. All but those named random_… and those of
// the clock are pure: the same arguments give the same result, so that a key's
// handle can be told before it exists.
var Functions = map[string]function.Function{
	// choosing
	"can":      tryfunc.CanFunc,
	"coalesce": coalesceFunc,
	"try":      tryfunc.TryFunc,

	// types
	"tobool":   stdlib.MakeToFunc(cty.Bool),
	"tolist":   stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
	"tomap":    stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
	"tonumber": stdlib.MakeToFunc(cty.Number),
	"tostring": stdlib.MakeToFunc(cty.String),

	// numbers
	"abs":      stdlib.AbsoluteFunc,
	"ceil":     stdlib.CeilFunc,
	"floor":    stdlib.FloorFunc,
	"max":      stdlib.MaxFunc,
	"min":      stdlib.MinFunc,
	"parseint": stdlib.ParseIntFunc,

	// strings
	"format":        stdlib.FormatFunc,
	"join":          stdlib.JoinFunc,
	"lower":         stdlib.LowerFunc,
	"regex":         stdlib.RegexFunc,
	"regexall":      stdlib.RegexAllFunc,
	"regex_replace": stdlib.RegexReplaceFunc,
	"replace":       stdlib.ReplaceFunc,
	"split":         stdlib.SplitFunc,
	"substr":        stdlib.SubstrFunc,
	"title":         stdlib.TitleFunc,
	"trim":          stdlib.TrimFunc,
	"trimprefix":    stdlib.TrimPrefixFunc,
	"trimspace":     stdlib.TrimSpaceFunc,
	"trimsuffix":    stdlib.TrimSuffixFunc,
	"upper":         stdlib.UpperFunc,
	"startswith":    startsWithFunc,
	"endswith":      endsWithFunc,
	"strcontains":   stringContainsFunc,

	// collections
	"compact":   stdlib.CompactFunc,
	"concat":    stdlib.ConcatFunc,
	"contains":  stdlib.ContainsFunc,
	"distinct":  stdlib.DistinctFunc,
	"element":   stdlib.ElementFunc,
	"flatten":   stdlib.FlattenFunc,
	"keys":      stdlib.KeysFunc,
	"length":    lengthFunc,
	"lookup":    stdlib.LookupFunc,
	"merge":     stdlib.MergeFunc,
	"range":     stdlib.RangeFunc,
	"reverse":   stdlib.ReverseListFunc,
	"slice":     stdlib.SliceFunc,
	"sort":      stdlib.SortFunc,
	"values":    stdlib.ValuesFunc,
	"zipmap":    stdlib.ZipmapFunc,
	"chunklist": stdlib.ChunklistFunc,

	// encodings
	"base64decode": base64DecodeFunc,
	"base64encode": base64EncodeFunc,
	"base64url":    base64URLFunc,
	"hex":          hexFunc,
	"jsondecode":   jsonDecodeFunc,
	"jsonencode":   stdlib.JSONEncodeFunc,
	"urldecode":    urlDecodeFunc,
	"urlencode":    urlEncodeFunc,
	"sha1":         sha1Func,
	"sha256":       sha256Func,
	"sha512":       sha512Func,
	"hmac_sha256":  hmacSHA256Func,
	"hmac_sha512":  hmacSHA512Func,
	"uuidv5":       uuidFunc,

	"public_key":        publicKeyFunc,
	"public_key_sha256": publicKeySHA256Func,

	// SQL text
	"sql_identifier": sqlIdentifierFunc,
	"sql_string":     sqlStringFunc,

	// time
	"formatdate": formatDateFunc,
	"rfc3339":    rfc3339Func,
	"unix":       unixFunc,
	"unix_ms":    unixMillisFunc,
	"timeadd":    stdlib.TimeAddFunc,
	"seconds":    secondsFunc,

	// an end that serves as a name
	"unique_end":     uniqueEndFunc,
	"has_unique_end": hasUniqueEndFunc,

	"now": newNowFunc(nil),

	// a second factor
	"totp": newTOTPFunc(nil),

	// choosing a new credential
	"derived_password":   newDerivedPasswordFunc(nil, true),
	"random_password":    randomPasswordFunc,
	"random_private_key": randomPrivateKeyFunc,
}
