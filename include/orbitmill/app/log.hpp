/// The log on standard error: root's lines with elapsed time, and progress.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>

#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

/// Seconds since the program started. Call once early in main to fix the start.
double elapsed_seconds();

class Log {
 public:
  enum class Level { quiet, normal, verbose };

  /// A log that is not `active` prints nothing: every rank but root.
  Log(Level level, bool active) : level_(level), active_(active) {}

  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (shows(Level::normal)) line(fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void detail(fmt::format_string<Args...> format, Args&&... args) const {
    if (shows(Level::verbose)) line(fmt::format(format, std::forward<Args>(args)...));
  }
  bool shows(Level level) const { return active_ && level_ >= level; }

 private:
  /// "[    1.234 s] text", flushed.
  static void line(const std::string& text);

  Level level_;
  bool active_;
};

/// Progress of phases: on a terminal one line that renews itself, elsewhere (a batch job's log,
/// mpirun's pipe) whole lines at growing intervals. Percent of the expected cost, not of the
/// indices.
class ProgressReport final : public ProgressListener {
 public:
  ProgressReport(const Log& log, bool terminal) : log_(log), terminal_(terminal) {}
  /// Stopped in a phase: what is said next has a line of its own.
  ~ProgressReport() override { close_line(); }
  void phase_started(const std::string& name) override;
  void phase_advanced(double fraction) override;
  void phase_finished(double elapsed_s) override;

 private:
  void close_line();

  const Log& log_;
  bool terminal_;
  std::string name_;
  double start_s_ = 0;
  double next_line_s_ = 0;
  double interval_s_ = 0;
  bool line_open_ = false;  ///< a renewing line stands on the terminal
};

/// "850 ms", "12 s", "3 min 20 s", "2 h 5 min": for people.
std::string human_duration(double seconds);

}  // namespace orbitmill
