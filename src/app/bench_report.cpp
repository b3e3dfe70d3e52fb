/// The tables of `orbitmill bench` on a screen of 80 columns.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "orbitmill/app/bench.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

constexpr std::size_t screen_width = 80;

/// Three or four digits that say something: 0.0123, 1.23, 12.3, 1234.
std::string digits(double value) {
  if (value <= 0) return "0";
  const int decimals = std::clamp(2 - static_cast<int>(std::floor(std::log10(value))), 0, 4);
  return fmt::format("{:.{}f}", value, decimals);
}

/// A count in at most five characters: 12345, 123k, 45M.
std::string short_count(std::uint64_t count) {
  if (count < 100'000) return fmt::format("{}", count);
  constexpr std::string_view units = "kMGTPE";
  std::size_t unit = 0;
  for (count /= 1000; count >= 10'000; count /= 1000) ++unit;
  return fmt::format("{}{}", count, units[unit]);
}

std::string plural(std::uint64_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

/// Breaks at blanks; every line after the first is indented.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string result, line;
  while (!text.empty()) {
    const auto blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    if (line.size() > indent && line.size() + 1 + word.size() > screen_width) {
      result += line + '\n';
      line.assign(indent, ' ');
    } else if (line.size() > indent) {
      line += ' ';
    }
    line += word;
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
  }
  return result + line + '\n';
}

struct TableStyle {
  BenchTable table;
  const char* title;
};
constexpr std::array<TableStyle, 3> tables = {
    {{BenchTable::modes, "Schedules"},
     {BenchTable::scaling, "Scaling: the first workers, rank after rank"},
     {BenchTable::batches, "Batch sizes"}}};

std::string second_column(const BenchConfiguration& one, const BenchFigures& figures) {
  if (one.table == BenchTable::batches) return fmt::format("{}", one.batch_size);
  return fmt::format("{}", figures.workers);
}

std::string times_line(const BenchConfiguration& one, const BenchFigures& figures) {
  std::string line = fmt::format("{:<10} {:>10}", one.name,
                                 figures.median_s > 0 ? second_column(one, figures) : "-");
  if (figures.median_s <= 0) return line + "  no run gave the right result\n";
  return line + fmt::format(" {:>9} {:>9} {:>9} {:>7.2f} {:>4.0f} % {:>4.0f} % {:>6}\n",
                            digits(figures.median_s * 1e3), digits(figures.min_s * 1e3),
                            digits(figures.max_s * 1e3), figures.speed_up, 100 * figures.efficiency,
                            100 * figures.busy_share, digits(figures.states_per_s * 1e-6));
}

std::string costs_line(const BenchConfiguration& one, const BenchFigures& figures) {
  const auto steals = [](std::uint64_t won, std::uint64_t tried) {
    return short_count(won) + "/" + short_count(tried);
  };
  return fmt::format("{:<10} {:>10} {:>7} {:>7} {:>7} {:>11} {:>11} {:>4} {:>5}\n", one.name,
                     second_column(one, figures), digits(figures.start_up_s * 1e3),
                     digits(static_cast<double>(figures.peak_memory_bytes) / (1 << 20)),
                     short_count(figures.batches), steals(figures.node_won, figures.node_tried),
                     steals(figures.cluster_won, figures.cluster_tried), figures.fallbacks,
                     short_count(figures.failures));
}

std::string off_best(double seconds, double best_s) {
  const double percent = 100 * (seconds / best_s - 1);
  return percent < 0.5 ? std::string("is as fast") : fmt::format("takes {:.0f} % longer", percent);
}

std::string auto_lines(const BenchResult& result, const std::vector<BenchFigures>& figures) {
  std::string text;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const BenchConfiguration& one = result.rows[i].configuration;
    if (one.mode != ScheduleMode::automatic || figures[i].median_s <= 0) continue;
    text += wrapped(
        fmt::format("auto chose {} in {} of {}: {}", name_of(figures[i].mode), figures[i].mode_runs,
                    plural(result.rows[i].samples.size(), "run"), figures[i].reason),
        2);
  }
  const AutoVerdict verdict = judge_auto(result, figures);
  if (verdict.best.empty()) return text;
  std::string judgement = fmt::format("  best of the others: {}; ", verdict.best);
  if (verdict.chosen_s > 0) {
    judgement += fmt::format("what auto chose {}; ", off_best(verdict.chosen_s, verdict.best_s));
  }
  return text + wrapped(judgement + fmt::format("auto, its decision included, {}",
                                                off_best(verdict.auto_s, verdict.best_s)),
                        2);
}

}  // namespace

std::string bench_text(const BenchReport& report, const BenchResult& result) {
  const std::vector<BenchFigures> figures = summarise(result);
  const Register reg(result.register_spec);
  std::uint64_t failures = 0;
  for (const BenchFigures& one : figures) failures += one.failures;

  std::string text = wrapped(fmt::format("register of length {} over GF({}): f = {}", reg.length(),
                                         reg.field().order(), print_anf(reg.feedback())),
                             2);
  text += wrapped(
      fmt::format(
          "{} states, {}; {} on {}, {}; medians of {} after one to warm up", reg.state_count_text(),
          plural(to_word(result.certificate.cycles).value_or(0), "cycle"),
          plural(report.workers.of_rank.size(), "rank"), plural(report.hosts.size(), "node"),
          plural(report.workers.total(), "worker"), plural(report.repeat, "interleaved run")),
      2);
  for (const TableStyle& style : tables) {
    std::string times, costs;
    for (std::size_t i = 0; i < figures.size(); ++i) {
      const BenchConfiguration& one = result.rows[i].configuration;
      if (one.table != style.table) continue;
      times += times_line(one, figures[i]);
      costs += costs_line(one, figures[i]);
    }
    if (times.empty()) continue;
    const char* second = style.table == BenchTable::batches ? "batch size" : "workers";
    text += fmt::format("\n{}\n", style.title);
    text += fmt::format("{:<10} {:>10} {:>9} {:>9} {:>9} {:>7} {:>6} {:>6} {:>6}\n", "schedule",
                        second, "median ms", "min", "max", "speedup", "effic.", "busy", "Mst/s");
    text += times;
    text += fmt::format("{:21} {:>7} {:>7} {:>7} {:>23} {:>4} {:>5}\n", "", "start-", "memory", "",
                        "steals, won/tried", "fall", "wrong");
    text += fmt::format("{:<10} {:>10} {:>7} {:>7} {:>7} {:>11} {:>11} {:>4} {:>5}\n", "schedule",
                        second, "up ms", "MiB", "batches", "in a node", "across", "back", "runs");
    text += costs;
    if (style.table == BenchTable::modes) text += auto_lines(result, figures);
  }
  const BenchFigures& on_all = figures.back();
  text += '\n';
  text += wrapped(fmt::format("the job as a message: {} bytes, {} us to every rank",
                              on_all.job_bytes, digits(on_all.broadcast_s * 1e6)),
                  2);
  text += failures == 0
              ? fmt::format("every run gave checksum {:016x}\n", result.certificate.checksum)
              : fmt::format("FAILED: {} gave a result that differs from the first run's\n",
                            plural(failures, "run"));
  return text;
}

}  // namespace orbitmill
