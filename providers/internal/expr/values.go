package expr

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// sensitiveMark marks every value that must not be shown: secrets of the
// connection and of keys, and whatever is computed from them.
type sensitiveMark struct{}

// Sensitive marks a value as one that must not be shown, and with it whatever is
// computed from it.
func Sensitive(v cty.Value) cty.Value { return v.Mark(sensitiveMark{}) }

// MostNumberText bounds a number's text, and MostExponent its exponent: beyond
// them, arithmetic on exact numbers would take an answer's word for how much
// memory and time to use. No double reaches the exponent.
const (
	MostNumberText = 64
	MostExponent   = 400
)

// Computable reports whether a number is within these bounds.
func Computable(text string) bool {
	if len(text) > MostNumberText {
		return false
	}
	_, exponent, found := strings.Cut(strings.ToLower(text), "e")
	if !found {
		return true
	}
	n, err := strconv.Atoi(exponent)
	return err == nil && -MostExponent <= n && n <= MostExponent
}

// outOfBounds reports whether a number is one that only texts such as
// "1e10000000" compute to; to write it out would take minutes.
func outOfBounds(number cty.Value) bool {
	const mostBits = 4 * MostExponent // a decimal digit takes less than 4 bits
	exponent := number.AsBigFloat().MantExp(nil)
	return exponent > mostBits || exponent < -mostBits
}

// mostExact is from where on a float64 does not hold every whole number: there,
// digits may have been lost where somebody has decoded JSON into one.
const mostExact = 1 << 53

// Inexact reports whether a value that was handed over holds such a number.
func Inexact(value any) bool {
	switch v := value.(type) {
	case float64:
		return v >= mostExact || v <= -mostExact
	case float32:
		return v >= 1<<24 || v <= -(1<<24)
	case []any:
		return slices.ContainsFunc(v, Inexact)
	case map[string]any:
		for _, member := range v {
			if Inexact(member) {
				return true
			}
		}
	}
	return false
}

// Exact is a JSON value in which every number that a float64 would not hold
// exactly has become a text: so it goes unharmed through what decodes JSON into
// float64, as Vault does with what a plugin answers.
func Exact(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Float64(); err == nil && -mostExact < n && n < mostExact {
			return v
		}
		return v.String()
	case []any:
		exact := make([]any, len(v))
		for i, element := range v {
			exact[i] = Exact(element)
		}
		return exact
	case map[string]any:
		exact := make(map[string]any, len(v))
		for name, member := range v {
			exact[name] = Exact(member)
		}
		return exact
	case Values:
		return Values(Exact(map[string]any(v)).(map[string]any))
	}
	return value
}

// ToCty turns a JSON value into what expressions compute with.
func ToCty(value any) cty.Value {
	switch v := value.(type) {
	case bool:
		return cty.BoolVal(v)
	case string:
		return cty.StringVal(v)
	case json.Number:
		return numberToCty(v)
	case []any:
		elements := make([]cty.Value, len(v))
		for i, element := range v {
			elements[i] = ToCty(element)
		}
		return cty.TupleVal(elements)
	case Values:
		return ToCty(map[string]any(v))
	case map[string]any:
		attributes := make(map[string]cty.Value, len(v))
		for name, attribute := range v {
			attributes[name] = ToCty(attribute)
		}
		return cty.ObjectVal(attributes)
	default:
		return cty.NullVal(cty.DynamicPseudoType)
	}
}

// numberToCty falls back to the text of a number that is not for computing with.
func numberToCty(n json.Number) cty.Value {
	if !Computable(n.String()) {
		return cty.StringVal(n.String())
	}
	value, err := cty.ParseNumberVal(n.String())
	if err != nil {
		return cty.StringVal(n.String())
	}
	return value
}

// FromCty is the JSON value of a known value; marks are dropped.
func FromCty(value cty.Value) any {
	value, _ = value.Unmark()
	if value.IsNull() || !value.IsKnown() {
		return nil
	}
	switch t := value.Type(); {
	case t == cty.String:
		return value.AsString()
	case t == cty.Bool:
		return value.True()
	case t == cty.Number:
		return json.Number(numberText(value.AsBigFloat()))
	case t.IsObjectType() || t.IsMapType():
		attributes := map[string]any{}
		for name, attribute := range value.AsValueMap() {
			attributes[name] = FromCty(attribute)
		}
		return attributes
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		elements := []any{}
		for _, element := range value.AsValueSlice() {
			elements = append(elements, FromCty(element))
		}
		return elements
	default:
		return nil
	}
}

// numberText writes a number without exponent where it is short that way. An answer may
// hold millions of them, and package big takes thousands of steps for each.
func numberText(n *big.Float) string {
	if whole, accuracy := n.Int64(); accuracy == big.Exact {
		return strconv.FormatInt(whole, 10)
	}
	if text, exact := shortText(n); exact {
		return text
	}
	if exponent := n.MantExp(nil); exponent > 256 || exponent < -256 {
		return n.Text('g', -1)
	}
	return n.Text('f', -1)
}

// shortText is a number in as few digits as a float64 takes; false where it has more.
func shortText(n *big.Float) (text string, exact bool) {
	short, _ := n.Float64()
	if size := math.Abs(short); !(size > 1e-6 && size < 1e21) {
		return "", false
	}
	text = strconv.FormatFloat(short, 'f', -1, 64)
	same, _, err := big.ParseFloat(text, 10, n.Prec(), big.ToNearestEven)
	return text, err == nil && same.Cmp(n) == 0
}

// WithoutNulls drops the null attributes of objects and maps at any depth: an
// attribute that is null is left out of a request. Elements of lists stay.
func WithoutNulls(value cty.Value) cty.Value {
	value, marks := value.Unmark()
	if value.IsNull() || !value.IsKnown() {
		return value.WithMarks(marks)
	}
	switch t := value.Type(); {
	case t.IsObjectType() || t.IsMapType():
		kept := map[string]cty.Value{}
		for name, attribute := range value.AsValueMap() {
			if !attribute.IsNull() {
				kept[name] = WithoutNulls(attribute)
			}
		}
		value = cty.ObjectVal(kept)
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		elements := []cty.Value{}
		for _, element := range value.AsValueSlice() {
			elements = append(elements, WithoutNulls(element))
		}
		value = cty.TupleVal(elements)
	}
	return value.WithMarks(marks)
}

// TextOf is a string, number or bool as text.
func TextOf(value cty.Value) (string, bool) {
	value, _ = value.Unmark()
	if value.IsNull() || !value.IsKnown() {
		return "", false
	}
	switch value.Type() {
	case cty.String:
		return value.AsString(), true
	case cty.Number:
		return numberText(value.AsBigFloat()), true
	case cty.Bool:
		if value.True() {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// MarkedTexts are the texts inside value that are secret.
func MarkedTexts(value cty.Value) []string {
	var texts []string
	if value.HasMark(sensitiveMark{}) {
		return AllTexts(value)
	}
	if value.IsNull() || !value.IsKnown() || value.IsMarked() {
		return nil
	}
	if t := value.Type(); t.IsObjectType() {
		for name := range t.AttributeTypes() {
			texts = append(texts, MarkedTexts(value.GetAttr(name))...)
		}
		return texts
	}
	if !value.CanIterateElements() {
		return nil
	}
	for it := value.ElementIterator(); it.Next(); {
		_, element := it.Element()
		texts = append(texts, MarkedTexts(element)...)
	}
	return texts
}

// AllTexts are all texts inside value.
func AllTexts(value cty.Value) []string {
	if text, ok := TextOf(value); ok {
		return []string{text}
	}
	value, _ = value.UnmarkDeep()
	if value.IsNull() || !value.IsKnown() || !value.CanIterateElements() {
		return nil
	}
	var texts []string
	for it := value.ElementIterator(); it.Next(); {
		_, element := it.Element()
		texts = append(texts, AllTexts(element)...)
	}
	return texts
}

// ElementsOf are the elements of a list, or the members of an object or map in
// the order of their names, each as secret as the whole; nil for any other value,
// and for null and unknown ones.
func ElementsOf(value cty.Value) []cty.Value {
	value, marks := value.Unmark()
	if value.IsNull() || !value.IsKnown() || !value.CanIterateElements() {
		return nil
	}
	elements := make([]cty.Value, 0, value.LengthInt())
	for it := value.ElementIterator(); it.Next(); {
		_, element := it.Element()
		elements = append(elements, element.WithMarks(marks))
	}
	return elements
}

// MembersOf are the members of an object or map by name, each as secret as the
// whole; nil for any other value, and for null and unknown ones.
func MembersOf(value cty.Value) map[string]cty.Value {
	value, marks := value.Unmark()
	if value.IsNull() || !value.IsKnown() || !HasNames(value) {
		return nil
	}
	members := value.AsValueMap()
	for name, member := range members {
		members[name] = member.WithMarks(marks)
	}
	return members
}

// Overlay is own with those members of base whose names are none of own's, nor among those
// left out, each name as fold writes it; own as it is where either has no names, or is null.
func Overlay(base, own cty.Value, fold func(name string) string, leftOut ...string) cty.Value {
	beneath, members := MembersOf(base), map[string]cty.Value{}
	if len(beneath) == 0 || own.IsNull() || !own.IsKnown() || !HasNames(own) {
		return own
	}
	maps.Copy(members, MembersOf(own))
	taken := map[string]bool{}
	for _, name := range leftOut {
		taken[fold(name)] = true
	}
	for name := range members {
		taken[fold(name)] = true
	}
	for name, member := range beneath {
		if !taken[fold(name)] {
			members[name] = member
		}
	}
	return cty.ObjectVal(members)
}

// Values are the fields of a connection or role, or what an answer gave, by
// name. They hold what JSON can hold: nil, bool, json.Number or string, []any
// and map[string]any, so that they survive storage unchanged.
type Values map[string]any

// UnmarshalJSON keeps numbers exact, whatever the decoder around it does.
func (v *Values) UnmarshalJSON(text []byte) error {
	plain, err := DecodeJSON(text)
	if err != nil {
		return err
	}
	fields, ok := plain.(map[string]any)
	if !ok && plain != nil {
		return errors.New("want a JSON object")
	}
	*v = fields
	return nil
}

// ValuesObject is an object of values by name; those of names that are absent
// are null. Where secret is set each is marked.
func ValuesObject(values Values, names References, secret bool) cty.Value {
	if len(values)+len(names) == 0 {
		return cty.EmptyObjectVal
	}
	attributes := map[string]cty.Value{}
	for name := range names {
		attributes[name] = cty.NullVal(cty.DynamicPseudoType)
	}
	for name, value := range values {
		attributes[name] = ToCty(value)
	}
	if secret {
		for name, value := range attributes {
			attributes[name] = Sensitive(value)
		}
	}
	return cty.ObjectVal(attributes)
}
