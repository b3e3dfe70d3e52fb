/// A campaign: one question about many registers, in one run.
///
/// Registers come from a list and from families (register/form.hpp), and are reduced by symmetry:
/// what is computed and stored is named by the canonical register (register/symmetry.hpp), and
/// computed once however often it was asked for. The answer about a register depends on the
/// register alone, so the table is the same whatever the ranks, the order or the unit of work.
#pragma once

#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "orbitmill/decompose/campaign_plan.hpp"
#include "orbitmill/decompose/campaign_rows.hpp"
#include "orbitmill/decompose/decompose.hpp"
#include "orbitmill/decompose/lone_engine.hpp"
#include "orbitmill/register/form.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

/// The numbers stand in result files.
enum class CampaignTask : std::uint8_t {
  decompose = 0,  ///< the histogram of each
  period = 1,     ///< is the longest cycle q^n - 1, or q^n?
  search = 2,     ///< the same; only those where it is are kept
};
std::string_view name_of(CampaignTask task);

/// Which registers are looked at. A register has the number of terms of its form or of the list.
struct RegisterFilter {
  std::uint32_t min_terms = 0, max_terms = 0xffff'ffff;
  std::uint32_t min_degree = 0, max_degree = 0xffff'ffff;

  bool passes_terms(const Feedback& feedback) const {
    return feedback.terms.size() >= min_terms && feedback.terms.size() <= max_terms;
  }
  bool passes_degree(const Feedback& feedback) const;
  bool passes_all() const { return text().empty(); }
  /// "terms 3 to 5, degree 2": the same text for the same filter; empty where it passes all.
  std::string text() const;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& min_terms& max_terms& min_degree& max_degree;
  }
};

/// Distinct registers, sorted by canonical key; with each what was asked for.
class RegisterList {
 public:
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  void add(const std::string& canonical, const std::string& asked);
  /// Sorts, and keeps one of each canonical register, with the least `asked` that passes the
  /// filter, or the least. Returns where each added register is now. Call once, last.
  std::vector<std::uint64_t> finish(const RegisterFilter& filter = {});

  std::uint64_t size() const noexcept { return entries_.size(); }
  std::string_view canonical(std::uint64_t entry) const;
  std::string_view asked(std::uint64_t entry) const;
  std::uint64_t find(std::string_view canonical) const;
  /// Of all entries, both registers of each: XXH64, one entry the seed of the next.
  std::uint64_t checksum() const;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& entries_& bytes_;
  }

 private:
  struct Entry {
    std::uint64_t text = 0;
    std::uint32_t canonical_bytes = 0, asked_bytes = 0;

    template <class Archive>
    void serialize(Archive& archive, unsigned /*version*/) {
      archive& text& canonical_bytes& asked_bytes;
    }
  };
  std::vector<Entry> entries_;
  std::string bytes_;
};

/// What became of an entry of the list. The numbers stand in result files.
enum class ListOutcome : std::uint8_t {
  open = 0,        ///< not looked at yet
  row = 1,         ///< has a row of the table
  rejected = 2,    ///< search: its longest cycle is shorter, so that it is not kept
  filtered = 3,    ///< did not pass the filter
  unreadable = 4,  ///< no register
};

/// What happened to one family. Only functions of the family, task and filter.
struct FamilyCount {
  std::uint64_t combinations = 0;
  std::uint64_t registers = 0;  ///< distinct ones, up to symmetry
  std::uint64_t filtered = 0;   ///< of them left out by the filter
  std::uint64_t kept = 0;       ///< of them with a row

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& combinations& registers& filtered& kept;
  }
};

/// How many registers a filter or a stage of the period test looked at and settled.
struct FilterCount {
  std::string name;
  std::uint64_t entered = 0, settled = 0;
  double seconds = 0;  ///< over all threads
};

/// What the ranks of a node have done, for progress: counts that any thread may read.
struct CampaignProgress {
  std::uint64_t registers = 0;
  std::uint64_t found = 0;
};

struct Campaign {
  CampaignTask task = CampaignTask::decompose;
  RegisterFilter filter;
  std::vector<Field> fields;  ///< of all registers, one of an order; GF(2) where there are families
  RegisterList list;
  std::vector<FormFamily> families;

  // From an earlier run, where there was one.
  CampaignRows taken_over;                         ///< this rank's part, in any order
  std::vector<ListOutcome> outcomes;               ///< of the list; empty: all open
  std::vector<std::optional<FamilyCount>> counts;  ///< of the families; empty: all to be done

  const Field& field(std::uint32_t order) const;
  /// Of the class of a canonical register, the least member that list and families ask for; nothing
  /// where none does, or the filter leaves it out.
  std::optional<std::string> asked(std::string_view canonical) const;
};

struct CampaignOptions {
  /// Decomposes one register by everybody. Collective; failures are AgreedErrors.
  std::function<Decomposition(const Register&)> by_everybody;
  /// Is told of every decision and family, on root.
  std::function<void(const std::string&)> log = [](const std::string&) {};
  /// Is given the function that reads the progress of root's node, before the first phase.
  std::function<void(std::function<CampaignProgress()>)> watch = [](const auto&) {};
  /// For tests: a unit instead of the decision.
  std::optional<bool> force_everybody;
};

struct CampaignResult {
  CampaignSlice rows;
  std::vector<ListOutcome> outcomes;  ///< of the list, on every rank
  std::vector<FamilyCount> counts;    ///< of the families, on every rank
  std::vector<FilterCount> filters;   ///< on every rank: sums
  std::vector<std::string> decisions;
  std::vector<PhaseReport> phases;
  std::uint64_t registers = 0;  ///< looked at in this run, on every rank
  std::uint64_t failed = 0;     ///< rows of the table that are failures, on every rank
};

/// Runs what is open in `campaign`. Collective; every rank passes an equal campaign, but for
/// taken_over. A register that fails (singular, too large, memory) becomes a row; anything else
/// ends the job as Scheduler::run does.
CampaignResult run_campaign(Campaign& campaign, Scheduler& scheduler,
                            const CampaignOptions& options);

}  // namespace orbitmill
