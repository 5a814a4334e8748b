package expr

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// TestNumberText: a number is written as package big writes it, whatever is the short way.
func TestNumberText(t *testing.T) {
	texts := []string{
		"0", "1", "-1", "9007199254740993", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "18446744073709551615",
		"0.1", "-0.25", "1.5", "0.30000000000000004", "0.1234567890123456789", "123456789012345678901234567890.5", "1e21", "1.5e20", "1e-6", "1e-7", "2.5e-9",
		"1e100", "1e-100", "1700000000.123456789", "4503599627370496.5", "9007199254740993.5",
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		digits := strconv.FormatUint(draw.Uint64(), 10)
		texts = append(texts, digits, "-"+digits, "0."+digits, digits[:1+draw.IntN(len(digits))]+"."+digits)
	}
	for _, text := range texts {
		number := cty.MustParseNumberVal(text).AsBigFloat()
		want := number.Text('f', -1)
		if exponent := number.MantExp(nil); exponent > 256 || exponent < -256 {
			want = number.Text('g', -1)
		}
		if got := numberText(number); got != want {
			t.Errorf("%s is written %s, want %s", text, got, want)
		}
	}
	if got := numberText(new(big.Float).SetPrec(53).SetFloat64(0.1)); got != "0.1" {
		t.Errorf("a float64 of 0.1 is written %s", got)
	}
}

func BenchmarkNumberText(b *testing.B) {
	for _, text := range []string{"1", "0.1", "0.1234567890123456789"} {
		number := cty.MustParseNumberVal(text).AsBigFloat()
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				numberText(number)
			}
		})
	}
}
