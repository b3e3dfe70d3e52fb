#include "orbitmill/decompose/campaign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "campaign_parts.hpp"
#include "campaign_phase.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/symmetry.hpp"
#include "orbitmill/schedule/remaining_phase.hpp"

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;

/// What root decides about units, as it travels.
struct UnitChoice {
  std::vector<std::uint32_t> shared;  ///< field order and length of each class by everybody
  std::vector<std::string> reasons;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& shared& reasons;
  }
};

/// While it lives, the phases of a register are not kept: only the register is.
class KeptAsAWhole {
 public:
  explicit KeptAsAWhole(Scheduler& scheduler) : scheduler_(scheduler) {
    scheduler_.keep_phases(false);
  }
  ~KeptAsAWhole() { scheduler_.keep_phases(true); }
  KeptAsAWhole(const KeptAsAWhole&) = delete;
  KeptAsAWhole& operator=(const KeptAsAWhole&) = delete;

 private:
  Scheduler& scheduler_;
};

/// One run, step by step. Members as on every rank unless said otherwise.
class CampaignRun {
 public:
  CampaignRun(Campaign& campaign, Scheduler& scheduler, const CampaignOptions& options)
      : campaign_(campaign),
        scheduler_(scheduler),
        comm_(scheduler.communicator()),
        keeper_(scheduler.keeper()),
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
    parts_.emplace(campaign_, result_.outcomes, done_);
    left_.resize(campaign.families.size());
    for (std::size_t i = 0; i < left_.size(); ++i) {
      const std::uint64_t indices = parts_->part(CampaignParts::family(i)).size();
      if (indices > 0) left_[i] = {{0, indices}};
    }
  }

  CampaignResult execute() {
    options_.watch([this] { return read_progress(); });
    try {
      if (keeper_ != nullptr) restore();
      decide();
      run_list();
      for (std::size_t i = 0; i < campaign_.families.size(); ++i) run_family(i);
    } catch (const AgreedError& error) {
      if (error.exit_code() != ExitCode::stopped || keeper_ == nullptr) throw;
      say_farewell();
    }
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

  /// What earlier runs have kept: root takes it over, and every rank learns what is left.
  void restore() {
    keeper_->begin(*parts_);
    const std::vector<Interval> done =
        decide_on_root(comm_, [&] { return keeper_->restore(*parts_); });
    spread_outcomes();
    for (const Interval& range : done) {
      restored_cost_ += parts_->expected_cost(range.last) - parts_->expected_cost(range.first);
    }
    for (std::size_t i = 0; i < left_.size(); ++i) {
      const Interval part = parts_->part(CampaignParts::family(i));
      std::vector<Interval> own;
      for (const Interval& range : done) {
        const Interval cut{std::max(range.first, part.first), std::min(range.last, part.last)};
        if (!cut.empty()) own.push_back({cut.first - part.first, cut.last - part.first});
      }
      left_[i] = complement(own, part.size());
    }
  }

  /// Registers by everybody: they are handed over as a whole, by root.
  bool hands_over() const { return keeper_ != nullptr && keeper_->is_saving(); }

  /// What everybody has found at these indices of a part. On root.
  void hand_over(std::size_t part, Interval range, const CampaignTally& tally) {
    own_progress().cost += parts_->cost(part, range.last) - parts_->cost(part, range.first);
    if (!hands_over()) return;
    std::vector<FinishedPart> finished;
    finished.push_back(parts_->pack(part, {range}, tally));
    keeper_->hand_over(std::move(finished));
  }

  /// Between registers by everybody, which may be settled without a phase. Collective.
  void stop_if_wished() {
    if (!hands_over()) return;
    if (!boost::mpi::all_reduce(comm_, keeper_->wants_stop(), std::logical_or<>())) return;
    throw AgreedError(ExitCode::stopped, "");
  }

  /// Ends the run when all that is finished has been saved. Collective.
  [[noreturn]] void say_farewell() {
    // Not only parts of the phase that was stopped: what waits for a save waits on every rank.
    if (keeper_->wants_rest(true)) keeper_->end({});
    const double done = boost::mpi::all_reduce(comm_, own_progress().cost, std::plus<>());
    std::string farewell;
    if (comm_.rank() == 0) {
      // Of what restore() has left.
      const double all = parts_->expected_cost(parts_->index_count()) - restored_cost_;
      farewell = keeper_->farewell("the campaign", all > 0 ? done / all : 1);
    }
    boost::mpi::broadcast(comm_, farewell, 0);
    throw AgreedError(ExitCode::stopped, farewell);
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
      std::uint64_t open = 0;
      for (const Interval& range : left_[i]) {
        open += parts_->combinations(CampaignParts::family(i), range).size();
      }
      if (open == 0) continue;
      Samples& samples = classes[{2, family.length()}];
      samples.registers += open;  // an upper bound; symmetry leaves a half or less
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
    result.reserve(classes.size());
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
    std::vector<Interval> whole;
    std::vector<std::uint64_t> shared;
    for (std::uint64_t entry = 0; entry < campaign_.list.size(); ++entry) {
      if (result_.outcomes[entry] != ListOutcome::open) continue;
      const std::string_view canonical = campaign_.list.canonical(entry);
      const bool by_everybody =
          shared_.contains(class_of(canonical)) && !is_settled_by_algebra(canonical);
      if (by_everybody) {
        shared.push_back(entry);
      } else if (!whole.empty() && whole.back().last == entry) {
        ++whole.back().last;
      } else {
        whole.push_back({entry, entry + 1});
      }
    }
    if (!whole.empty()) tally_.merge(spread(CampaignParts::list, whole));
    for (const std::uint64_t entry : shared) {
      stop_if_wished();
      CampaignTally tally;
      result_.outcomes[entry] =
          share(campaign_.list.canonical(entry), campaign_.list.asked(entry), tally);
      if (comm_.rank() == 0) hand_over(CampaignParts::list, {entry, entry + 1}, tally);
      tally_.merge(std::move(tally));
    }
    spread_outcomes();
  }

  /// An entry was done by one rank; on the others it is open.
  void spread_outcomes() {
    static_assert(sizeof(ListOutcome) == 1);
    constexpr std::uint64_t piece = std::uint64_t{1} << 30;
    for (std::uint64_t first = 0; first < result_.outcomes.size(); first += piece) {
      const std::uint64_t count = std::min(piece, result_.outcomes.size() - first);
      MPI_Allreduce(MPI_IN_PLACE, result_.outcomes.data() + first, static_cast<int>(count),
                    MPI_UINT8_T, MPI_MAX, comm_);
    }
  }

  /// Whole registers over the threads of all ranks: what is `left` of a part.
  CampaignTally spread(std::size_t part, const std::vector<Interval>& left) {
    CampaignPhase phase(campaign_, *parts_, part, result_.outcomes, own_progress());
    result_.phases.push_back(scheduler_.run_rest(phase, left));
    return phase.take_tally();
  }

  void run_family(std::size_t i) {
    if (done_[i]) return;
    const FormFamily& family = campaign_.families[i];
    CampaignTally tally;
    if (!left_[i].empty()) {
      if (shared_.contains(ClassKey{2, family.length()})) {
        for (const Interval& range : left_[i]) share_family(i, range, tally);
      } else {
        tally = spread(CampaignParts::family(i), left_[i]);
      }
    }
    FamilyCount& count = result_.counts[i];
    count.combinations = family.combinations();
    const FamilyCount& kept = parts_->restored_family(i);  // zero but on root
    const auto sum = [&](std::uint64_t own) {
      return boost::mpi::all_reduce(comm_, own, std::plus<>());
    };
    count.registers = sum(tally.family.registers + kept.registers);
    count.filtered = sum(tally.family.filtered + kept.filtered);
    count.kept = sum(tally.family.kept + kept.kept);
    tally_.merge(std::move(tally));
    if (comm_.rank() == 0) {
      options_.log(fmt::format("{}: {} combinations, {} registers, {} kept", family_name(family),
                               count.combinations, count.registers, count.kept));
    }
  }

  /// One register of a family after the other by everybody. An index without a register is handed
  /// over with the next one that has any.
  void share_family(std::size_t i, const Interval& left, CampaignTally& sum) {
    const FormFamily& family = campaign_.families[i];
    const std::size_t part = CampaignParts::family(i);
    const std::uint32_t n = family.length();
    CampaignTally tally;
    std::uint64_t first = left.first;
    for (std::uint64_t index = left.first; index < left.last; ++index) {
      const Interval combinations = parts_->combinations(part, {index, index + 1});
      for (std::uint64_t at = combinations.first; at < combinations.last; ++at) {
        const std::optional<Feedback> feedback = family.unrank(at);
        if (!feedback) continue;
        stop_if_wished();
        share(register_key(2, n, canonical_feedback(*feedback, n, campaign_.field(2))),
              register_key(2, n, *feedback), tally);
      }
      // Registers are counted on root alone, where they are handed over.
      if (tally.family.registers == 0 && index + 1 < left.last) continue;
      if (comm_.rank() == 0) hand_over(part, {first, index + 1}, tally);
      sum.merge(std::exchange(tally, {}));
      first = index + 1;
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
        const KeptAsAWhole whole(scheduler_);
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
    result_.registers = boost::mpi::all_reduce(comm_, tally_.family.registers, std::plus<>());
    tally_.merge(std::move(parts_->restored()));
    sum_filters();
    campaign_.taken_over = name_as_asked(campaign_.taken_over);
    tally_.rows.append(std::move(campaign_.taken_over));
    // A register of a family may be in the list, or in another family, as another member.
    if (campaign_.families.size() + (campaign_.list.size() > 0 ? 1 : 0) > 1) {
      tally_.rows = name_as_asked(tally_.rows);
    }
    result_.rows = sort_rows_over_ranks(comm_, std::move(tally_.rows));
    std::uint64_t failed = 0;
    for (std::size_t row = 0; row < result_.rows.rows.size(); ++row) {
      if (result_.rows.rows[row].verdict == Verdict::failed) ++failed;
    }
    result_.failed = boost::mpi::all_reduce(comm_, failed, std::plus<>());
  }

  CampaignRows name_as_asked(const CampaignRows& rows) const {
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
  }

  Campaign& campaign_;
  Scheduler& scheduler_;
  const boost::mpi::communicator& comm_;
  WorkKeeper* keeper_;
  const CampaignOptions& options_;
  NodeMemory progress_;
  std::set<ClassKey> shared_;
  std::vector<bool> done_;  ///< families
  std::optional<CampaignParts> parts_;
  std::vector<std::vector<Interval>> left_;  ///< of the families
  double restored_cost_ = 0;
  LoneEngine early_;  ///< root: for registers that all walk
  CampaignTally tally_;
  CampaignResult result_;
};

}  // namespace

CampaignResult run_campaign(Campaign& campaign, Scheduler& scheduler,
                            const CampaignOptions& options) {
  return CampaignRun(campaign, scheduler, options).execute();
}

}  // namespace orbitmill
