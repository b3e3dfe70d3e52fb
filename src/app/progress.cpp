#include <algorithm>
#include <cstdio>

#include "orbitmill/app/log.hpp"

namespace orbitmill {
namespace {

/// Before this much has passed a phase shows no progress: short runs stay silent.
constexpr double first_line_s = 2.0;
/// Lines in a file come ever more slowly, so that a week's run does not fill a disk.
constexpr double max_interval_s = 300.0;

}  // namespace

void ProgressReport::phase_started(const std::string& name) {
  name_ = name;
  start_s_ = elapsed_seconds();
  interval_s_ = first_line_s;
  next_line_s_ = start_s_ + first_line_s;
}

void ProgressReport::phase_advanced(double fraction) {
  const double now = elapsed_seconds();
  if (!log_.shows(Log::Level::normal) || now < next_line_s_) return;
  // Nothing is known about the time left while nothing is done.
  const std::string left =
      fraction > 1e-4 ? human_duration((now - start_s_) * (1 - fraction) / fraction) + " left"
                      : "time left unknown";
  if (terminal_) {
    fmt::print(stderr, "\r{}: {:5.1f} %, {}   ", name_, 100 * fraction, left);
    std::fflush(stderr);
    line_open_ = true;
    return;
  }
  log_.info("{}: {:.1f} %, {}", name_, 100 * fraction, left);
  interval_s_ = std::min(interval_s_ * 1.5, max_interval_s);
  next_line_s_ = now + interval_s_;
}

void ProgressReport::close_line() {
  if (!line_open_) return;
  fmt::print(stderr, "\r{:60}\r", "");
  line_open_ = false;
}

void ProgressReport::phase_finished(double elapsed_s) {
  close_line();
  log_.detail("{}: done in {}", name_, human_duration(elapsed_s));
}

}  // namespace orbitmill
