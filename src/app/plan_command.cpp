/// `orbitmill plan`: what decompose would do, printed; nothing runs and nothing is written.
#include <fmt/format.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <cmath>
#include <cstdio>
#include <functional>

#include "launch.hpp"
#include "orbitmill/app/application.hpp"
#include "orbitmill/app/log.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/memory_limits.hpp"
#include "orbitmill/register/notation.hpp"
#include "planning.hpp"

namespace orbitmill {
namespace {

/// A result file with an empty table: groups, attributes and their descriptions (measured).
constexpr double empty_file_bytes = 25e3;
/// One computing thread has a row in four columns of /profile, one rank in eighteen.
constexpr double profile_bytes_per_thread = 32;
constexpr double profile_bytes_per_rank = 200;
/// Two numbers of 8 bytes. Deflate saves little on leaders.
constexpr double bytes_per_row = 16;
/// In /milestones: 8 bytes, of which the high ones are alike (measured at n = 34: 4.4).
constexpr double bytes_per_position = 4.4;

struct Launch {
  int ranks = 1;
  unsigned threads = 1;  ///< over all ranks
  int nodes = 1;
};

double expected_file_bytes(const Job& job, const Register& reg, const Plan& plan,
                           const Launch& launch) {
  double bytes = empty_file_bytes + profile_bytes_per_thread * launch.threads +
                 profile_bytes_per_rank * launch.ranks +
                 static_cast<double>(job.job_text.size() + 2 * job.effective_job.size());
  // The histogram has about as many rows as the table: few cycles have the same length.
  bytes += bytes_per_row * plan.cycles * (job.cycles.keep_rows ? 2 : 1);
  if (job.sequences) {
    // Symbols without a pattern shrink to their entropy, never below a byte each before.
    const double bits = std::log2(static_cast<double>(reg.field().order()));
    bytes += static_cast<double>(reg.state_count()) * std::min(1.0, bits / 8 * 1.2);
  }
  // One position a milestone; their order is as good as random, so deflate saves the high bytes
  // only.
  if (job.index) bytes += bytes_per_position * static_cast<double>(plan.milestones);
  return bytes;
}

std::string counted(std::uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// A label and what belongs to it, aligned.
void print_line(const std::string& label, const std::string& text) {
  fmt::print("{:<16} {}\n", label, text);
}

void print_engine(const Job& job, const Register& reg, const Plan& plan) {
  print_line("engine", fmt::format("{}: {}{}", name_of(plan.engine), plan.reason,
                                   plan.reason.starts_with("predicted") ? " (estimate)" : ""));
  if (plan.engine == Engine::milestone) {
    print_line("milestones",
               fmt::format("{} of k = {} zeros{}", plan.milestones, plan.zeros,
                           job.milestone_zeros > 0 || job.index ? "" : " (estimate)"));
    print_line("table", table_line(plan));
    if (plan.short_cycles > 0) {
      print_line("short cycles",
                 fmt::format("up to {} states by periodic words (estimate)", plan.short_cycles));
    }
    print_line("levels to sweep", fmt::format("{:.1f} (estimate)", plan.levels));
  }
  print_line("cycles", fmt::format("about {:.0f}{} (estimate)", plan.cycles,
                                   reg.feedback().is_affine() ? ", if it were not linear" : ""));
}

void print_schedule(const Job& job, const Launch& launch) {
  print_line("workers", fmt::format("{}, {} on {}", counted(launch.threads, "thread"),
                                    counted(static_cast<std::uint64_t>(launch.ranks), "rank"),
                                    counted(static_cast<std::uint64_t>(launch.nodes), "node")));
  print_line("schedule",
             job.schedule == "auto" ? "auto: measured at the start of each phase" : job.schedule);
  print_line("batch size", job.batch_size > 0 ? fmt::format("{}", job.batch_size)
                                              : std::string("adaptive, about 2 ms a batch"));
}

void print_times(const Plan& plan) {
  for (const PhaseEstimate& phase : plan.phases) {
    print_line("  " + phase.name, estimated_duration(phase.seconds) + " (estimate)");
  }
  print_line("time", fmt::format("{} (estimate), without starting MPI and writing the file",
                                 estimated_duration(plan.total_s)));
}

void print_memory(const Plan& plan, const Launch& launch, std::uint64_t available) {
  print_line("memory", fmt::format("{} on root's node, {} of it tables; {} free (estimate)",
                                   human_bytes(plan.root_node_bytes), human_bytes(plan.table_bytes),
                                   human_bytes(available)));
  print_line("  a rank", fmt::format("{}{} (estimate)", human_bytes(plan.root_rank_bytes),
                                     launch.ranks > launch.nodes && plan.table_bytes > 0
                                         ? ", the shared tables included"
                                         : ""));
  if (plan.other_node_bytes > 0) {
    print_line("  other nodes",
               fmt::format("{} of tables on each (estimate)", human_bytes(plan.other_node_bytes)));
  }
  if (plan.other_rank_bytes > 0) {
    print_line("  elsewhere", fmt::format("{} a rank of another node (estimate)",
                                          human_bytes(plan.other_rank_bytes)));
  }
}

void print_closed_form(const Job& job, const Register& reg) {
  print_line("register", register_line(reg));
  print_line("states", fmt::format("{}^{}", reg.field().order(), reg.length()));
  print_line("engine", fmt::format("closed-form: {}", job.closed_form_reason));
  print_line("time", "of factoring q^d - 1 for each factor of degree d; root alone computes");
  std::fflush(stdout);
}

void plan_on_all_ranks(const boost::mpi::communicator& comm, const CommandLine& command_line) {
  const Job job = decide_on_root(comm, [&] {
    std::string text;
    JobOptions options = command_line.options;
    if (command_line.job_file) {
      options = prefer(options, read_job_file(*command_line.job_file, text));
    }
    Job resolved = resolve_job(options);
    resolved.job_text = text;
    return resolved;
  });
  const Topology topology = discover_topology(comm);
  const Register reg(job.register_spec);
  if (!job.closed_form_reason.empty()) {
    agree(comm, [&] { refuse_singletons(comm, job.oversubscribe); });
    if (comm.rank() == 0) print_closed_form(job, reg);
    return;
  }
  unsigned threads = 0;
  agree(comm, [&] {
    refuse_singletons(comm, job.oversubscribe);
    threads = choose_threads(job.threads, job.oversubscribe, topology);
  });
  const Plan plan = plan_run(comm, job, reg, topology, threads);
  const Launch launch{comm.size(), boost::mpi::all_reduce(comm, threads, std::plus<>()),
                      topology.nodes};
  if (comm.rank() != 0) return;
  print_line("register", register_line(reg));
  print_line("states", reg.state_count_text());
  print_schedule(job, launch);
  print_engine(job, reg, plan);
  print_times(plan);
  print_memory(plan, launch, available_table_memory(topology.ranks_on_node));
  const double file = expected_file_bytes(job, reg, plan, launch);
  print_line("file", human_bytes(static_cast<std::uint64_t>(file)) + " (estimate)");
  std::fflush(stdout);
}

}  // namespace

int run_plan(const CommandLine& command_line, int argc, char** argv) {
  return run_under_mpi(argc, argv, [&](const boost::mpi::communicator& comm) {
    plan_on_all_ranks(comm, command_line);
  });
}

}  // namespace orbitmill
