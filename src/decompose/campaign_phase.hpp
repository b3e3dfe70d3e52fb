/// The phase of a campaign in which whole registers are spread over the threads.
#pragma once

#include <memory>
#include <vector>

#include "campaign_parts.hpp"
#include "campaign_tally.hpp"
#include "orbitmill/decompose/campaign.hpp"
#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

/// For the log: form and length.
std::string family_name(const FormFamily& family);

/// Theory knows its cycles, and a walk does not.
bool is_singular_by_theory(const Feedback& feedback);

/// Answers the campaign's question about one register after the other; one a thread.
class RegisterJudge {
 public:
  explicit RegisterJudge(const Campaign& campaign) : campaign_(campaign) {}

  /// Adds a row to `tally` unless the register is left out. Returns what became of it.
  ListOutcome judge(std::string_view canonical, std::string_view asked, CampaignTally& tally);

 private:
  CampaignRow answer(const Register& reg, CampaignTally& tally);
  bool passes(std::string_view asked, CampaignTally& tally) const;

  const Campaign& campaign_;
  LoneEngine engine_;
  Histogram histogram_;  ///< of the last answer, which its row points to
};

/// Shared counters of one rank, a cache line.
struct alignas(128) RankProgress {
  std::uint64_t registers = 0;
  std::uint64_t found = 0;
  double cost = 0;  ///< CampaignParts::cost()
};

/// One part of a campaign: entries of the list, or combinations of a family.
class CampaignPhase final : public Phase {
 public:
  /// All must outlive the phase. `outcomes` of the list.
  CampaignPhase(const Campaign& campaign, const CampaignParts& parts, std::size_t number,
                std::vector<ListOutcome>& outcomes, RankProgress& progress);

  std::string name() const override { return name_; }
  std::uint64_t index_count() const override { return parts_.part(number_).size(); }
  double expected_cost(std::uint64_t end) const override { return parts_.cost(number_, end); }
  void prepare(unsigned workers) override;
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override;
  void sample(std::uint64_t first, std::uint64_t last) override;
  bool is_kept() const override { return true; }
  /// As parts of the whole campaign, whose phase restores them.
  std::vector<FinishedPart> take_finished(unsigned worker,
                                          const std::vector<Interval>& ranges) override;

  /// After the run: what this rank did. Call once.
  CampaignTally take_tally();

 private:
  struct Worker {
    explicit Worker(const Campaign& campaign) : judge(campaign) {}
    RegisterJudge judge;
    CampaignTally fresh;  ///< since the last hand-over
    CampaignTally handed_over;
  };
  void run(Worker& worker, std::uint64_t first, std::uint64_t last, CampaignTally& tally,
           bool counts);

  const Campaign& campaign_;
  const CampaignParts& parts_;
  std::size_t number_;
  const FormFamily* family_ = nullptr;
  std::string name_;
  std::vector<ListOutcome>& outcomes_;
  RankProgress& progress_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace orbitmill
