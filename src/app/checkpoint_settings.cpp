#include "orbitmill/app/checkpoint_settings.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// A number at the front of `text`, and what follows it; no number is negative.
std::pair<double, std::string_view> leading_number(std::string_view text) {
  double number = -1;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number)) return {-1, text};
  return {number, std::string_view(stop, static_cast<std::size_t>(end - stop))};
}

/// A year: longer than any job, and far from where clocks overflow.
constexpr double longest_interval_s = 366.0 * 86400;

double resolve_interval(const std::string& text) {
  const auto [number, unit] = leading_number(text);
  const double unit_s = unit.empty() || unit == "s" ? 1
                        : unit == "min"             ? 60
                        : unit == "h"               ? 3600
                                                    : -1;
  if (number < 0 || unit_s < 0 || number * unit_s > longest_interval_s) {
    throw UsageError(fmt::format(
        "--checkpoint-every \"{}\": expected seconds, or a number with s, min or h, such as 90, "
        "5min or 1h; 0 switches checkpoints off",
        text));
  }
  return number * unit_s;
}

double resolve_minutes(const std::string& text) {
  const auto [number, rest] = leading_number(text);
  if (number <= 0 || !rest.empty() || number * 60 > longest_interval_s) {
    throw UsageError(
        fmt::format("--max-minutes \"{}\": expected minutes, such as 55 or 0.5", text));
  }
  return number;
}

}  // namespace

CheckpointSettings resolve_checkpoints(const RunOptions& run) {
  CheckpointSettings settings;
  if (run.checkpoint_every) settings.every_s = resolve_interval(*run.checkpoint_every);
  if (run.max_minutes) settings.max_minutes = resolve_minutes(*run.max_minutes);
  if (settings.max_minutes > 0 && !settings.saves()) {
    throw UsageError(
        "--max-minutes needs checkpoints to save to; use it without --checkpoint-every 0");
  }
  settings.restart = run.restart.value_or(false);
  return settings;
}

}  // namespace orbitmill
