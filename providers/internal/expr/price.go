package expr

import (
	"errors"
	"fmt"
	"math"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// prices are what functions cost beyond their arguments, which are paid for by
// then: those that make more than they are given, or take longer than once
// through it. All others are as large and as quick as their arguments.
var prices = map[string]func(args []cty.Value) (units int, err error){
	"chunklist":          ofUnifying,
	"coalesce":           ofChoosing,
	"contains":           ofContaining,
	"distinct":           ofComparingAll,
	"format":             ofFormatting,
	"join":               ofJoining,
	"jsondecode":         ofDecoding,
	"jsonencode":         ofWriting,
	"parseint":           ofNumberText,
	"public_key":         ofReadingKey,
	"public_key_sha256":  ofReadingKey,
	"random_private_key": ofMakingKey,
	"regex":              ofMatching,
	"regex_replace":      ofReplacingMatches,
	"regexall":           ofMatching,
	"replace":            ofReplacing,
	"sort":               ofSorting,
	"split":              ofSplitting,
	"tolist":             ofUnifying,
	"tomap":              ofUnifying,
	"tonumber":           ofNumberText,
	"trim":               ofTrimming,
}

// price is what a call costs, told before it is made. An error is for a call
// that is not to be made at any price.
func price(e *hclsyntax.FunctionCallExpr, f function.Function, args []cty.Value) (int, error) {
	if e.ExpandFinal && len(args) > 0 {
		last := len(args) - 1
		args = slices.Concat(args[:last], ElementsOf(args[last]))
	}
	units := 0
	for i, arg := range args {
		wanted := parameterType(f, i)
		if tooLongForNumber(arg) && wanted == cty.Number {
			return 0, errNoNumber
		}
		if wanted.IsCollectionType() && structured(arg) && !arg.Type().IsCollectionType() {
			units += unifyingUnits(arg) / unifyingShare
		}
	}
	of := prices[e.Name]
	if of == nil {
		return units, nil
	}
	plain := make([]cty.Value, len(args))
	for i, arg := range args {
		plain[i], _ = arg.UnmarkDeep()
	}
	own, err := of(plain)
	return units + own, err
}

// unifyingShare is how many comparisons of types, of which most are quick, a unit pays for.
const unifyingShare = 16

var errNoNumber = errors.New("a text as long as this is no number")

// takesExpressions reports whether a function computes its arguments itself.
func takesExpressions(f function.Function) bool {
	return customdecode.CustomExpressionDecoderForType(parameterType(f, 0)) != nil
}

// parameterType is the type of a function's argument; NilType where there is none.
func parameterType(f function.Function, i int) cty.Type {
	if params := f.Params(); i < len(params) {
		return params[i].Type
	}
	if rest := f.VarParam(); rest != nil {
		return rest.Type
	}
	return cty.NilType
}

// tooLongForNumber reports whether a text is longer than any number: to read it
// as one takes the square of its length.
func tooLongForNumber(value cty.Value) bool {
	return len(knownText(value)) > MostNumberText
}

// knownText is the text that a value is; "" for any other value.
func knownText(value cty.Value) string {
	value, _ = value.Unmark()
	if value == cty.NilVal || value.Type() != cty.String || value.IsNull() || !value.IsKnown() {
		return ""
	}
	return value.AsString()
}

// HasNames reports whether the members of a value have names instead of numbers.
func HasNames(value cty.Value) bool {
	t := value.Type()
	return t.IsObjectType() || t.IsMapType()
}

// argument is the argument of that number, null where it is not given.
func argument(args []cty.Value, i int) cty.Value {
	if i < len(args) {
		return args[i]
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// product is a·b, at most what an int holds.
func product(a, b int) int {
	if a > 0 && b > math.MaxInt/a {
		return math.MaxInt / 2
	}
	return a * b
}

// sizeOf is how many texts and numbers a value holds, and how long they are.
func sizeOf(value cty.Value) (count, length int) {
	if text := knownText(value); text != "" {
		return 1, len(text)
	}
	elements := ElementsOf(value)
	if elements == nil {
		return 1, 0
	}
	for _, element := range elements {
		c, l := sizeOf(element)
		count, length = count+c, length+l
	}
	return count, length
}

// ofNumberText: a text that is to become a number.
func ofNumberText(args []cty.Value) (int, error) {
	if tooLongForNumber(argument(args, 0)) {
		return 0, errNoNumber
	}
	return 0, nil
}

// ofFormatting: %5000d makes 5000 characters, and %[1]s can stand many times.
func ofFormatting(args []cty.Value) (int, error) {
	pattern := knownText(argument(args, 0))
	longest, numeric := 0, false
	for _, arg := range args[min(1, len(args)):] {
		longest = max(longest, len(knownText(arg)))
	}
	width, verbs := 0, 0
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			continue
		}
		verbs++
		for i++; i < len(pattern) && strings.IndexByte("+- #0123456789.*[]", pattern[i]) >= 0; i++ {
			digits := i
			for i < len(pattern) && pattern[i] >= '0' && pattern[i] <= '9' {
				i++
			}
			if digits == i {
				continue
			}
			n, err := strconv.Atoi(pattern[digits:i])
			if err != nil || n > longestField {
				return 0, fmt.Errorf("a width is at most %d", longestField)
			}
			width += n
			i--
		}
		numeric = numeric || i < len(pattern) && strings.IndexByte("vsqt", pattern[i]) < 0
	}
	if numeric && longest > MostNumberText {
		return 0, errNoNumber
	}
	// A number is at most some 400 digits long.
	return (width + product(verbs, 4*longest+MostExponent)) / bytesPerUnit, nil
}

// longestField bounds the widths in a format.
const longestField = 1024

// ofJoining: the separator stands between all.
func ofJoining(args []cty.Value) (int, error) {
	separator := len(knownText(argument(args, 0)))
	count, length := 0, 0
	for _, arg := range args[min(1, len(args)):] {
		c, l := sizeOf(arg)
		count, length = count+c, length+l
	}
	return (product(separator, count) + length) / bytesPerUnit, nil
}

// ofDecoding: "[0,0,…" holds an element in each two characters.
func ofDecoding(args []cty.Value) (int, error) {
	return product(len(knownText(argument(args, 0))), scalarUnits), nil
}

// ofReadingKey: the arithmetic of a key takes the cube of its length.
func ofReadingKey(args []cty.Value) (int, error) {
	const longest = 16 << 10
	if len(knownText(argument(args, 0))) > longest {
		return 0, fmt.Errorf("a private key has at most %d characters", longest)
	}
	return budget >> 8, nil
}

// ofMakingKey: an RSA key takes as long as some hundred thousand other steps.
func ofMakingKey([]cty.Value) (int, error) { return budget >> 3, nil }

// ofMatching: an expression is tried at each character, in as many states as it
// has, and what is found has an element each.
func ofMatching(args []cty.Value) (int, error) {
	pattern, text := knownText(argument(args, 0)), knownText(argument(args, 1))
	states, err := statesOf(pattern)
	return product(states, len(text)+1)/bytesPerUnit + product(len(text)+1, scalarUnits)/2, err
}

// ofReplacingMatches: each match, of which the empty one is at every character,
// becomes the replacement, in which $1 can stand for the match many times.
func ofReplacingMatches(args []cty.Value) (int, error) {
	text, pattern, replacement := knownText(argument(args, 0)), knownText(argument(args, 1)), knownText(argument(args, 2))
	states, err := statesOf(pattern)
	written := product(len(text)+1, len(replacement)+strings.Count(replacement, "$"))
	return (product(states, len(text)+1) + written) / bytesPerUnit, err
}

// statesOf is the size of a regular expression, "x{1000}" for example having a
// thousand states.
func statesOf(pattern string) (int, error) {
	const longest = 1024
	if len(pattern) > longest {
		return 0, fmt.Errorf("a regular expression has at most %d characters", longest)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, nil // the function tells
	}
	compiled, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, nil
	}
	// Compiling it costs too.
	return len(compiled.Inst) + compilingUnits, nil
}

const compilingUnits = 64

// ofReplacing: each place of the second text becomes the third.
func ofReplacing(args []cty.Value) (int, error) {
	text, from, to := knownText(argument(args, 0)), knownText(argument(args, 1)), knownText(argument(args, 2))
	return product(strings.Count(text, from), len(to)) / bytesPerUnit, nil
}

// ofSplitting: an element for each separator.
func ofSplitting(args []cty.Value) (int, error) {
	return product(strings.Count(knownText(argument(args, 1)), knownText(argument(args, 0)))+1, scalarUnits+memberUnits), nil
}

// ofTrimming: each character is looked for among those to take away.
func ofTrimming(args []cty.Value) (int, error) {
	return product(len(knownText(argument(args, 0))), len(knownText(argument(args, 1)))) / bytesPerUnit, nil
}

// ofSorting: each element is compared with some others.
func ofSorting(args []cty.Value) (int, error) {
	count, length := sizeOf(argument(args, 0))
	rounds := int(math.Log2(float64(count + 1)))
	return product(2*count*scalarUnits+length/bytesPerUnit, rounds), nil
}

// ofComparingAll: each element is compared with all others.
func ofComparingAll(args []cty.Value) (int, error) {
	list := argument(args, 0)
	count, length := sizeOf(list)
	return product(len(ElementsOf(list)), count*scalarUnits+length/bytesPerUnit) / 2, nil
}

// ofContaining: each element is compared with the whole of what is looked for.
func ofContaining(args []cty.Value) (int, error) {
	count, _ := sizeOf(argument(args, 1))
	return product(len(ElementsOf(argument(args, 0))), count), nil
}

// comparingUnits are what comparing a value with another one costs.
func comparingUnits(value cty.Value) int {
	if value == cty.NilVal || !structured(value) {
		return 0
	}
	count, _ := sizeOf(value)
	return product(structureUnits, count)
}

// ofWriting: a number takes as long to be written as some hundred characters.
func ofWriting(args []cty.Value) (int, error) {
	const perValue = 32
	count, length := sizeOf(argument(args, 0))
	return product(count, perValue) + length/bytesPerUnit, nil
}

// ofChoosing: to make one type of several, each, and each part of it, is compared with all
// others.
func ofChoosing(args []cty.Value) (int, error) {
	all := 0
	for _, arg := range args {
		count, _ := sizeOf(arg)
		all += count
	}
	return product(all, all) / unifyingShare, nil
}

// ofUnifying: to make one type of several, each is compared with all others.
func ofUnifying(args []cty.Value) (int, error) { return unifyingUnits(argument(args, 0)), nil }

func unifyingUnits(value cty.Value) int {
	value, _ = value.UnmarkDeep()
	count, _ := sizeOf(value)
	return product(len(ElementsOf(value)), count)
}
