#include "campaign_phase.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <new>
#include <utility>

#include "orbitmill/decompose/certificate.hpp"
#include "orbitmill/decompose/closed_form.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/register/symmetry.hpp"

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void count_up(std::uint64_t& counter) {
  std::atomic_ref(counter).fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

std::string family_name(const FormFamily& family) {
  return fmt::format("{}, n = {}", family.form().text(), family.length());
}

bool is_singular_by_theory(const Feedback& feedback) {
  return feedback.is_affine() && !feedback.is_nonsingular();
}

bool RegisterJudge::passes(std::string_view asked, CampaignTally& tally) const {
  const Feedback feedback = register_of_key(asked).feedback;
  ++tally.terms.entered;
  if (!campaign_.filter.passes_terms(feedback)) {
    ++tally.terms.settled;
    return false;
  }
  ++tally.degree.entered;
  if (campaign_.filter.passes_degree(feedback)) return true;
  ++tally.degree.settled;
  return false;
}

ListOutcome RegisterJudge::judge(std::string_view canonical, std::string_view asked,
                                 CampaignTally& tally) {
  ++tally.family.registers;
  const auto start = Clock::now();
  if (!passes(asked, tally)) {
    ++tally.family.filtered;
    return ListOutcome::filtered;
  }
  CampaignRow row;
  std::string reason;
  try {
    KeyedRegister keyed = register_of_key(canonical);
    const Register reg({keyed.field_order, "", keyed.length, std::move(keyed.feedback)},
                       campaign_.field(keyed.field_order));
    row = answer(reg, tally);
  } catch (const Error& error) {
    if (error.exit_code() != ExitCode::bad_job && error.exit_code() != ExitCode::cannot_create) {
      throw;
    }
    reason = error.what();
  } catch (const std::bad_alloc&) {
    reason = "memory is short on the node that tried it";
  }
  row.canonical = canonical;
  row.asked = asked;
  row.reason = reason;
  row.seconds = seconds_since(start);
  if (campaign_.task == CampaignTask::search && row.verdict == Verdict::shorter) {
    return ListOutcome::rejected;
  }
  ++tally.family.kept;
  tally.rows.add(row);
  return ListOutcome::row;
}

CampaignRow RegisterJudge::answer(const Register& reg, CampaignTally& tally) {
  CampaignRow row;
  if (campaign_.task == CampaignTask::decompose && is_singular_by_theory(reg.feedback())) {
    reg.state_count();  // throws where words do not hold it
    const ClosedForm form = closed_form(reg);
    certify_closed_form(reg, form);
    histogram_ = to_words(form.histogram).value();
    row = row_of_histogram(histogram_, reg.state_count());
    row.verdict = Verdict::singular;
    return row;
  }
  // The period test knows GF(2) and linear registers.
  const bool whole =
      campaign_.task == CampaignTask::decompose || (reg.field().order() != 2 && !reg.is_linear());
  if (whole) {
    histogram_ = engine_.histogram(reg);
    row = row_of_histogram(histogram_, reg.state_count());
  } else {
    const PeriodAnswer answer = engine_.period(reg, tally.stages);
    const std::uint64_t states = reg.state_count();
    if (!answer.maximum) {
      row.verdict = Verdict::shorter;
      row.witness = answer.witness_length;
      return row;
    }
    histogram_.clear();
    if (answer.witness_length != states) histogram_.push_back({1, 1});
    // The register of two states that stay: both cycles have the length 1.
    if (states == 2 && answer.witness_length == 1) {
      histogram_.front().count = 2;
    } else {
      histogram_.push_back({answer.witness_length, 1});
    }
    row = row_of_histogram(histogram_, states);
  }
  if (campaign_.task != CampaignTask::decompose) {
    if (row.verdict == Verdict::shorter) {
      CampaignRow bare;
      bare.verdict = row.verdict;
      bare.witness = row.longest_cycle;
      return bare;
    }
    row.histogram = {};
  }
  return row;
}

CampaignPhase::CampaignPhase(const Campaign& campaign, const CampaignParts& parts,
                             std::size_t number, std::vector<ListOutcome>& outcomes,
                             RankProgress& progress)
    : campaign_(campaign),
      parts_(parts),
      number_(number),
      family_(number == CampaignParts::list ? nullptr : &campaign.families[number - 1]),
      name_(family_ == nullptr ? "list" : family_name(*family_)),
      outcomes_(outcomes),
      progress_(progress) {}

void CampaignPhase::prepare(unsigned workers) {
  workers_.clear();
  for (unsigned i = 0; i < workers; ++i) workers_.push_back(std::make_unique<Worker>(campaign_));
}

void CampaignPhase::run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) {
  run(*workers_[worker], first, last, workers_[worker]->fresh, true);
  std::atomic_ref(progress_.cost)
      .fetch_add(expected_cost(last) - expected_cost(first), std::memory_order_relaxed);
}

void CampaignPhase::sample(std::uint64_t first, std::uint64_t last) {
  CampaignTally thrown_away;
  run(*workers_.front(), first, last, thrown_away, false);
}

void CampaignPhase::run(Worker& worker, std::uint64_t first, std::uint64_t last,
                        CampaignTally& tally, bool counts) {
  const auto judge = [&](std::string_view canonical, std::string_view asked) {
    const ListOutcome outcome = worker.judge.judge(canonical, asked, tally);
    if (counts) {
      count_up(progress_.registers);
      if (outcome == ListOutcome::row) count_up(progress_.found);
    }
    return outcome;
  };
  if (family_ == nullptr) {
    for (std::uint64_t entry = first; entry < last; ++entry) {
      const ListOutcome outcome =
          judge(campaign_.list.canonical(entry), campaign_.list.asked(entry));
      if (counts) outcomes_[entry] = outcome;
    }
    return;
  }
  const Field& field = campaign_.field(2);
  const std::uint32_t n = family_->length();
  const Interval all = parts_.combinations(number_, {first, last});
  for (std::uint64_t index = all.first; index < all.last; ++index) {
    const std::optional<Feedback> feedback = family_->unrank(index);
    if (!feedback) continue;
    judge(register_key(2, n, canonical_feedback(*feedback, n, field)),
          register_key(2, n, *feedback));
  }
}

std::vector<FinishedPart> CampaignPhase::take_finished(unsigned worker,
                                                       const std::vector<Interval>& ranges) {
  Worker& mine = *workers_[worker];
  std::vector<FinishedPart> parts;
  parts.push_back(parts_.pack(number_, ranges, mine.fresh));
  mine.handed_over.merge(std::exchange(mine.fresh, {}));
  return parts;
}

CampaignTally CampaignPhase::take_tally() {
  CampaignTally sum;
  for (const auto& worker : workers_) {
    sum.merge(std::move(worker->handed_over));
    sum.merge(std::move(worker->fresh));
  }
  workers_.clear();
  return sum;
}

}  // namespace orbitmill
