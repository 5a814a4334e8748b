package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// longestDuration is more than anybody means, and far from where sums of times
// overflow.
const longestDuration = 100 * 365 * 24 * time.Hour

// ParseDuration reads "90s", "24h", "1h30m" and "30d"; it must be positive and
// at most longestDuration.
func ParseDuration(text string) (time.Duration, error) {
	d, err := readDuration(text)
	if err == nil && d > longestDuration {
		return 0, fmt.Errorf(`%q is too long; write at most "%dd"`, text, longestDuration/(24*time.Hour))
	}
	return d, err
}

func readDuration(text string) (time.Duration, error) {
	wrong := fmt.Errorf(`%q is no duration; write "90s", "24h" or "30d"`, text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n == 0 {
			return 0, wrong
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, wrong
	}
	return d, nil
}
