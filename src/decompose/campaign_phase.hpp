/// The phase of a campaign in which whole registers are spread over the threads.
#pragma once

#include <memory>
#include <vector>

#include "orbitmill/decompose/campaign.hpp"
#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

/// Sums of one worker, or of many.
struct CampaignTally {
  CampaignRows rows;
  FamilyCount family;
  FilterCount terms{"terms"}, degree{"degree"};
  PeriodStageCounts stages{};

  void merge(CampaignTally&& other);
};

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
};

/// Registers by index: entries of the list, or combinations of a family.
class CampaignPhase final : public Phase {
 public:
  /// `entries` of the list, which must outlive the phase, as `progress` must.
  CampaignPhase(const Campaign& campaign, std::vector<std::uint64_t> entries,
                std::vector<ListOutcome>& outcomes, RankProgress& progress);
  /// Precondition: the family has combinations.
  CampaignPhase(const Campaign& campaign, const FormFamily& family, RankProgress& progress);

  std::string name() const override { return name_; }
  std::uint64_t index_count() const override { return index_count_; }
  double expected_cost(std::uint64_t end) const override;
  void prepare(unsigned workers) override;
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override;
  void sample(std::uint64_t first, std::uint64_t last) override;

  /// After the run: what this rank did. Call once.
  CampaignTally take_tally();

 private:
  struct Worker {
    explicit Worker(const Campaign& campaign) : judge(campaign) {}
    RegisterJudge judge;
    CampaignTally tally;
  };
  void run(Worker& worker, std::uint64_t first, std::uint64_t last, CampaignTally& tally,
           bool counts);

  const Campaign& campaign_;
  std::string name_;
  const FormFamily* family_ = nullptr;
  std::uint64_t stride_ = 1;  ///< combinations to an index
  std::uint64_t index_count_ = 0;
  std::vector<std::uint64_t> entries_;
  std::vector<double> costs_;  ///< of the entries before each
  std::vector<ListOutcome>* outcomes_ = nullptr;
  RankProgress& progress_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace orbitmill
