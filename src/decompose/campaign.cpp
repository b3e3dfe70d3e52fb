#include "orbitmill/decompose/campaign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/mpi/collectives.hpp>
#include <chrono>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "campaign_phase.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/symmetry.hpp"

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;

std::uint32_t degree_of(const Feedback& feedback) {
  std::size_t degree = 0;
  for (const Term& term : feedback.terms) degree = std::max(degree, term.stages.size());
  return static_cast<std::uint32_t>(degree);
}

std::string range_text(const char* name, std::uint32_t least, std::uint32_t most) {
  constexpr std::uint32_t no_limit = std::numeric_limits<std::uint32_t>::max();
  if (least == 0 && most == no_limit) return {};
  if (most == no_limit) return fmt::format("{} {} or more", name, least);
  return least == most ? fmt::format("{} {}", name, least)
                       : fmt::format("{} {} to {}", name, least, most);
}

}  // namespace

std::string_view name_of(CampaignTask task) {
  switch (task) {
    case CampaignTask::decompose:
      return "decompose";
    case CampaignTask::period:
      return "period";
    case CampaignTask::search:
      break;
  }
  return "search";
}

bool RegisterFilter::passes_degree(const Feedback& feedback) const {
  const std::uint32_t degree = degree_of(feedback);
  return degree >= min_degree && degree <= max_degree;
}

std::string RegisterFilter::text() const {
  std::string text = range_text("terms", min_terms, max_terms);
  const std::string degree = range_text("degree", min_degree, max_degree);
  if (!text.empty() && !degree.empty()) text += ", ";
  return text + degree;
}

void RegisterList::add(const std::string& canonical, const std::string& asked) {
  entries_.push_back({bytes_.size(), static_cast<std::uint32_t>(canonical.size()),
                      static_cast<std::uint32_t>(asked.size())});
  bytes_ += canonical;
  bytes_ += asked;
}

std::string_view RegisterList::canonical(std::uint64_t entry) const {
  return std::string_view(bytes_).substr(entries_[entry].text, entries_[entry].canonical_bytes);
}

std::string_view RegisterList::asked(std::uint64_t entry) const {
  const Entry& place = entries_[entry];
  return std::string_view(bytes_).substr(place.text + place.canonical_bytes, place.asked_bytes);
}

std::vector<std::uint64_t> RegisterList::finish(const RegisterFilter& filter) {
  const auto text_of = [this](const Entry& entry) {
    const std::string_view bytes = bytes_;
    return std::pair(bytes.substr(entry.text, entry.canonical_bytes),
                     bytes.substr(entry.text + entry.canonical_bytes, entry.asked_bytes));
  };
  std::vector<std::uint64_t> order(entries_.size());
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  // The filter looks at the register as it was asked for, so one that passes stands for its class.
  std::vector<bool> fails(entries_.size());
  for (std::uint64_t entry = 0; !filter.passes_all() && entry < size(); ++entry) {
    const Feedback feedback = register_of_key(asked(entry)).feedback;
    fails[entry] = !filter.passes_terms(feedback) || !filter.passes_degree(feedback);
  }
  std::ranges::sort(order, std::less<>(), [&](std::uint64_t entry) {
    const auto [canonical_text, asked_text] = text_of(entries_[entry]);
    return std::tuple(canonical_text, bool(fails[entry]), asked_text);
  });
  std::vector<std::uint64_t> place(entries_.size());
  std::vector<Entry> sorted;
  for (const std::uint64_t entry : order) {
    if (sorted.empty() || text_of(sorted.back()).first != text_of(entries_[entry]).first) {
      sorted.push_back(entries_[entry]);
    }
    place[entry] = sorted.size() - 1;
  }
  sorted.shrink_to_fit();
  entries_ = std::move(sorted);
  return place;
}

std::uint64_t RegisterList::find(std::string_view canonical) const {
  const auto key = [this](const Entry& entry) {
    return std::string_view(bytes_).substr(entry.text, entry.canonical_bytes);
  };
  const auto place = std::ranges::lower_bound(entries_, canonical, std::less<>(), key);
  if (place == entries_.end() || key(*place) != canonical) return none;
  return static_cast<std::uint64_t>(place - entries_.begin());
}

const Field& Campaign::field(std::uint32_t order) const {
  for (const Field& field : fields) {
    if (field.order() == order) return field;
  }
  throw InternalError(fmt::format("the campaign has no field of order {}", order));
}

std::optional<std::string> Campaign::asked(std::string_view canonical) const {
  std::optional<std::string> least;
  const auto offer = [&](std::string key, const Feedback& feedback) {
    if (!filter.passes_terms(feedback) || !filter.passes_degree(feedback)) return;
    if (!least || key < *least) least = std::move(key);
  };
  if (const std::uint64_t entry = list.find(canonical); entry != RegisterList::none) {
    offer(std::string(list.asked(entry)), register_of_key(list.asked(entry)).feedback);
  }
  const KeyedRegister reg = register_of_key(canonical);
  for (const FormFamily& family : families) {
    if (reg.field_order != 2 || family.length() != reg.length) continue;
    if (!reg.feedback.is_nonsingular()) continue;
    const std::optional<Feedback> member = family.least_member(reg.feedback);
    if (member) offer(register_key(2, reg.length, *member), *member);
  }
  return least;
}

namespace {

/// What root decides about units, as it travels.
struct UnitChoice {
  std::vector<std::uint32_t> shared;  ///< field order and length of each class by everybody
  std::vector<std::string> reasons;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& shared& reasons;
  }
};

/// One run, step by step. Members as on every rank unless said otherwise.
class CampaignRun {
 public:
  CampaignRun(Campaign& campaign, Scheduler& scheduler, const CampaignOptions& options)
      : campaign_(campaign),
        scheduler_(scheduler),
        comm_(scheduler.communicator()),
        options_(options),
        progress_(scheduler.node(),
                  sizeof(RankProgress) * static_cast<std::uint64_t>(scheduler.node().size())) {
    result_.outcomes = campaign.outcomes;
    result_.outcomes.resize(campaign.list.size(), ListOutcome::open);
    result_.counts.resize(campaign.families.size());
    done_.resize(campaign.families.size());
    for (std::size_t i = 0; i < campaign.counts.size(); ++i) {
      if (!campaign.counts[i]) continue;
      result_.counts[i] = *campaign.counts[i];
      done_[i] = true;
    }
  }

  CampaignResult execute() {
    options_.watch([this] { return read_progress(); });
    decide();
    run_list();
    for (std::size_t i = 0; i < campaign_.families.size(); ++i) run_family(i);
    finish();
    options_.watch(nullptr);
    return std::move(result_);
  }

 private:
  using ClassKey = std::pair<std::uint32_t, std::uint32_t>;  ///< field order, length

  RankProgress& own_progress() { return progress_.as<RankProgress>()[scheduler_.node().rank()]; }

  CampaignProgress read_progress() {
    CampaignProgress sum;
    for (int rank = 0; rank < scheduler_.node().size(); ++rank) {
      RankProgress& part = progress_.as<RankProgress>()[rank];
      sum.registers += std::atomic_ref(part.registers).load(std::memory_order_relaxed);
      sum.found += std::atomic_ref(part.found).load(std::memory_order_relaxed);
    }
    return sum;
  }

  /// Root measures, every rank learns which classes are decomposed by everybody.
  void decide() {
    const double overhead_s = measure_overhead();
    const UnitChoice decision = decide_on_root(comm_, [&] {
      std::vector<RegisterClass> classes = measure_classes();
      std::vector<UnitDecision> units = decide_units(classes, scheduler_.all_workers(), overhead_s);
      UnitChoice made;
      for (std::size_t i = 0; i < classes.size(); ++i) {
        if (options_.force_everybody) units[i].by_everybody = *options_.force_everybody;
        if (units[i].by_everybody) {
          made.shared.insert(made.shared.end(), {classes[i].field_order, classes[i].length});
        }
        made.reasons.push_back(units[i].reason);
      }
      return made;
    });
    for (std::size_t i = 0; i + 1 < decision.shared.size(); i += 2) {
      shared_.emplace(decision.shared[i], decision.shared[i + 1]);
    }
    result_.decisions = decision.reasons;
    if (comm_.rank() == 0) {
      for (const std::string& reason : decision.reasons) options_.log(reason);
    }
  }

  /// What sharing one register costs beside its work: some phases with an end each, and agreeing.
  double measure_overhead() {
    class NoWork final : public Phase {
     public:
      std::string name() const override { return "measuring"; }
      std::uint64_t index_count() const override { return 1; }
      void prepare(unsigned) override {}
      void run_batch(unsigned, std::uint64_t, std::uint64_t) override {}
      void sample(std::uint64_t, std::uint64_t) override {}
    } no_work;
    constexpr double phases_of_a_register = 4;
    double best_s = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 2; ++i) {
      best_s = std::min(best_s, scheduler_.run(no_work).elapsed_s);
    }
    return phases_of_a_register * best_s;
  }

  /// The classes that are open, with the time of samples of each. On root.
  std::vector<RegisterClass> measure_classes() {
    struct Samples {
      std::uint64_t registers = 0;
      std::vector<std::pair<std::string, std::string>> keys;
    };
    std::map<ClassKey, Samples> classes;
    for (std::uint64_t entry = 0; entry < campaign_.list.size(); ++entry) {
      if (result_.outcomes[entry] != ListOutcome::open) continue;
      const std::string_view canonical = campaign_.list.canonical(entry);
      Samples& samples = classes[class_of(canonical)];
      // The 1st, 2nd, 4th, ... of a class: spread, and known without counting first.
      if ((samples.registers & (samples.registers + 1)) == 0) {
        samples.keys.emplace_back(canonical, campaign_.list.asked(entry));
      }
      ++samples.registers;
    }
    for (std::size_t i = 0; i < campaign_.families.size(); ++i) {
      const FormFamily& family = campaign_.families[i];
      const std::uint64_t combinations = family.combinations();
      if (done_[i] || combinations == 0) continue;
      Samples& samples = classes[{2, family.length()}];
      samples.registers += combinations;  // an upper bound; symmetry leaves a half or less
      constexpr std::uint64_t wanted = 8, looked_at = 256;
      std::uint64_t found = 0;
      for (std::uint64_t k = 0; k < std::min(looked_at, combinations) && found < wanted; ++k) {
        // Steps of the golden section fall evenly, however many are needed.
        const auto index = static_cast<std::uint64_t>(
            static_cast<__uint128_t>(0x9e37'79b9'7f4a'7c15 * (k + 1)) * combinations >> 64);
        const std::optional<Feedback> feedback = family.unrank(index);
        if (!feedback) continue;
        const Field& field = campaign_.field(2);
        samples.keys.emplace_back(
            register_key(2, family.length(), canonical_feedback(*feedback, family.length(), field)),
            register_key(2, family.length(), *feedback));
        ++found;
      }
    }
    std::vector<RegisterClass> result;
    for (const auto& [key, samples] : classes) {
      result.push_back(measure_class(key, samples.registers, samples.keys));
    }
    return result;
  }

  RegisterClass measure_class(const ClassKey& key, std::uint64_t registers,
                              const std::vector<std::pair<std::string, std::string>>& keys) {
    RegisterClass result{key.first, key.second, registers, 0, 0};
    RegisterJudge judge(campaign_);
    CampaignTally thrown_away;
    // All other ranks wait: a register that takes long is predicted, not measured.
    constexpr double most_s = 0.05;
    double spent_s = 0;
    int measured = 0;
    for (const auto& [canonical, asked] : keys) {
      try {
        KeyedRegister keyed = register_of_key(canonical);
        const Register reg({keyed.field_order, "", keyed.length, keyed.feedback},
                           campaign_.field(keyed.field_order));
        reg.require_exhaustible();
        result.full_s = LoneEngine::predicted_s(reg);
      } catch (const JobError&) {
        continue;  // fails at once, in whatever unit
      }
      // Most registers never come to a full pass where only the period is asked for.
      constexpr double settled_early = 1.0 / 8;
      if (campaign_.task != CampaignTask::decompose) {
        if (is_linear(canonical)) {
          result.full_s = 0;
        } else if (key.first == 2) {
          result.full_s *= settled_early;
        }
      }
      if (spent_s + result.full_s > most_s) break;
      const auto start = Clock::now();
      judge.judge(canonical, asked, thrown_away);
      spent_s += std::chrono::duration<double>(Clock::now() - start).count();
      ++measured;
    }
    result.lone_s = measured > 0 ? spent_s / measured : result.full_s;
    return result;
  }

  static bool is_linear(std::string_view canonical) {
    return register_of_key(canonical).feedback.is_linear();
  }
  /// Algebra answers at once, and nobody need help.
  bool is_settled_by_algebra(std::string_view canonical) const {
    return campaign_.task == CampaignTask::decompose
               ? is_singular_by_theory(register_of_key(canonical).feedback)
               : is_linear(canonical);
  }

  static ClassKey class_of(std::string_view canonical) {
    const KeyedRegister reg = register_of_key(canonical);
    return {reg.field_order, reg.length};
  }

  void run_list() {
    std::vector<std::uint64_t> whole, shared;
    for (std::uint64_t entry = 0; entry < campaign_.list.size(); ++entry) {
      if (result_.outcomes[entry] != ListOutcome::open) continue;
      const std::string_view canonical = campaign_.list.canonical(entry);
      const bool by_everybody =
          shared_.contains(class_of(canonical)) && !is_settled_by_algebra(canonical);
      (by_everybody ? shared : whole).push_back(entry);
    }
    if (!whole.empty()) {
      CampaignPhase phase(campaign_, std::move(whole), result_.outcomes, own_progress());
      result_.phases.push_back(scheduler_.run(phase));
      tally_.merge(phase.take_tally());
    }
    for (const std::uint64_t entry : shared) {
      result_.outcomes[entry] =
          share(campaign_.list.canonical(entry), campaign_.list.asked(entry), tally_);
    }
    // Each entry was done by one rank; on the others it is open.
    if (!result_.outcomes.empty()) {
      static_assert(sizeof(ListOutcome) == 1);
      constexpr std::uint64_t piece = std::uint64_t{1} << 30;
      for (std::uint64_t first = 0; first < result_.outcomes.size(); first += piece) {
        const std::uint64_t count = std::min(piece, result_.outcomes.size() - first);
        MPI_Allreduce(MPI_IN_PLACE, result_.outcomes.data() + first, static_cast<int>(count),
                      MPI_UINT8_T, MPI_MAX, comm_);
      }
    }
  }

  void run_family(std::size_t i) {
    if (done_[i]) return;
    const FormFamily& family = campaign_.families[i];
    CampaignTally tally;
    if (family.combinations() > 0 && !shared_.contains(ClassKey{2, family.length()})) {
      CampaignPhase phase(campaign_, family, own_progress());
      result_.phases.push_back(scheduler_.run(phase));
      tally = phase.take_tally();
    } else if (family.combinations() > 0) {
      run_family_by_everybody(family, tally);
    }
    FamilyCount& count = result_.counts[i];
    count.combinations = family.combinations();
    const auto sum = [&](std::uint64_t own) {
      return boost::mpi::all_reduce(comm_, own, std::plus<>());
    };
    count.registers = sum(tally.family.registers);
    count.filtered = sum(tally.family.filtered);
    count.kept = sum(tally.family.kept);
    tally_.merge(std::move(tally));
    if (comm_.rank() == 0) {
      options_.log(fmt::format("{}, n = {}: {} combinations, {} registers, {} kept",
                               family.form().text(), family.length(), count.combinations,
                               count.registers, count.kept));
    }
  }

  void run_family_by_everybody(const FormFamily& family, CampaignTally& tally) {
    const std::uint32_t n = family.length();
    for (std::uint64_t index = 0; index < family.combinations(); ++index) {
      const std::optional<Feedback> feedback = family.unrank(index);
      if (!feedback) continue;
      share(register_key(2, n, canonical_feedback(*feedback, n, campaign_.field(2))),
            register_key(2, n, *feedback), tally);
    }
  }

  /// What needs no walk, root says before everybody begins one. Collective; the row is root's.
  bool is_ruled_out(const Register& reg, CampaignRow& row, CampaignTally& tally) {
    if (campaign_.task == CampaignTask::decompose) return false;
    const auto ruled_out = decide_on_root(comm_, [&] {
      const auto no = early_.rule_out(reg, tally.stages);
      if (no) {
        row.verdict = Verdict::shorter;
        row.witness = no->witness_length;
      }
      return static_cast<unsigned>(no.has_value());
    });
    return ruled_out != 0;
  }

  /// One register by everybody. Rows and counts on root alone.
  ListOutcome share(std::string_view canonical, std::string_view asked, CampaignTally& tally) {
    const auto start = Clock::now();
    const bool root = comm_.rank() == 0;
    if (is_settled_by_algebra(canonical)) {
      const auto outcome = decide_on_root(comm_, [&] {
        return static_cast<unsigned>(RegisterJudge(campaign_).judge(canonical, asked, tally));
      });
      return static_cast<ListOutcome>(outcome);
    }
    const Feedback feedback = register_of_key(asked).feedback;
    if (root) ++tally.family.registers;
    if (!campaign_.filter.passes_terms(feedback) || !campaign_.filter.passes_degree(feedback)) {
      if (root) ++tally.family.filtered;
      return ListOutcome::filtered;
    }
    Decomposition found;
    CampaignRow row;
    std::string reason;
    try {
      KeyedRegister keyed = register_of_key(canonical);
      const Register reg({keyed.field_order, "", keyed.length, std::move(keyed.feedback)},
                         campaign_.field(keyed.field_order));
      agree(comm_, [&] { reg.require_exhaustible(); });
      if (!is_ruled_out(reg, row, tally)) {
        found = options_.by_everybody(reg);
        if (root) row = row_of_histogram(found.histogram, reg.state_count());
      }
    } catch (const AgreedError& error) {
      if (error.exit_code() != ExitCode::bad_job && error.exit_code() != ExitCode::cannot_create) {
        throw;
      }
      reason = error.what();
    }
    for (PhaseReport& phase : found.phases) result_.phases.push_back(std::move(phase));
    auto verdict = static_cast<unsigned>(row.verdict);
    boost::mpi::broadcast(comm_, verdict, 0);
    const bool shorter = verdict == static_cast<unsigned>(Verdict::shorter);
    if (campaign_.task == CampaignTask::search && shorter) {
      if (root) ++own_progress().registers;
      return ListOutcome::rejected;
    }
    if (!root) return ListOutcome::row;
    if (campaign_.task != CampaignTask::decompose) {
      // As a thread alone says it: equal results, whoever found them.
      row.histogram = {};
      if (shorter && row.certified) {
        row.witness = row.longest_cycle;
        row.longest_cycle = row.cycles = row.checksum = 0;
        row.certified = false;
      }
    }
    row.canonical = canonical;
    row.asked = asked;
    row.reason = reason;
    row.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    ++tally.family.kept;
    tally.rows.add(row);
    ++own_progress().registers;
    ++own_progress().found;
    return ListOutcome::row;
  }

  void finish() {
    sum_filters();
    campaign_.taken_over = name_as_asked(std::move(campaign_.taken_over));
    tally_.rows.append(std::move(campaign_.taken_over));
    // A register of a family may be in the list, or in another family, as another member.
    if (campaign_.families.size() + (campaign_.list.size() > 0 ? 1 : 0) > 1) {
      tally_.rows = name_as_asked(std::move(tally_.rows));
    }
    result_.rows = sort_rows_over_ranks(comm_, std::move(tally_.rows));
    std::uint64_t failed = 0;
    for (std::size_t row = 0; row < result_.rows.rows.size(); ++row) {
      if (result_.rows.rows[row].verdict == Verdict::failed) ++failed;
    }
    result_.failed = boost::mpi::all_reduce(comm_, failed, std::plus<>());
  }

  CampaignRows name_as_asked(CampaignRows rows) const {
    CampaignRows renamed;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CampaignRow row = rows[i];
      const std::optional<std::string> asked = campaign_.asked(row.canonical);
      if (!asked) throw InternalError("a row of the campaign was not asked for");
      row.asked = *asked;
      renamed.add(row);
    }
    return renamed;
  }

  void sum_filters() {
    result_.filters = {tally_.terms, tally_.degree};
    for (std::size_t i = 0; i < period_stages; ++i) {
      const PeriodStageCount& stage = tally_.stages[i];
      result_.filters.push_back({std::string(name_of(static_cast<PeriodStage>(i))), stage.entered,
                                 stage.settled, stage.seconds});
    }
    for (FilterCount& filter : result_.filters) {
      filter.entered = boost::mpi::all_reduce(comm_, filter.entered, std::plus<>());
      filter.settled = boost::mpi::all_reduce(comm_, filter.settled, std::plus<>());
      filter.seconds = boost::mpi::all_reduce(comm_, filter.seconds, std::plus<>());
    }
    result_.registers = boost::mpi::all_reduce(comm_, tally_.family.registers, std::plus<>());
  }

  Campaign& campaign_;
  Scheduler& scheduler_;
  const boost::mpi::communicator& comm_;
  const CampaignOptions& options_;
  NodeMemory progress_;
  std::set<ClassKey> shared_;
  std::vector<bool> done_;  ///< families
  LoneEngine early_;        ///< root: for registers that all walk
  CampaignTally tally_;
  CampaignResult result_;
};

}  // namespace

CampaignResult run_campaign(Campaign& campaign, Scheduler& scheduler,
                            const CampaignOptions& options) {
  return CampaignRun(campaign, scheduler, options).execute();
}

}  // namespace orbitmill
