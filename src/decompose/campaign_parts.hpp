/// A campaign as one range of indices, for what is kept of it while it runs (work_keeper.hpp): the
/// entries of the list, then the combinations of one family after the other.
///
/// An index is done when its registers have their rows, no matter who found them, a thread alone or
/// everybody: which of both it will be is measured anew in every run. The work itself is done in
/// the parts (campaign_phase.hpp), so this phase is never run, and may have more than max_indices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "campaign_tally.hpp"
#include "orbitmill/decompose/campaign.hpp"
#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

class CampaignParts final : public Phase {
 public:
  /// The list is part 0, family i is part 1 + i.
  static constexpr std::size_t list = 0;
  static constexpr std::size_t family(std::size_t i) { return 1 + i; }

  /// Both must outlive this. `outcomes` of the list: what is not open costs nothing; `done`:
  /// families that cost nothing. Throws JobError for a list of too many entries.
  CampaignParts(const Campaign& campaign, std::vector<ListOutcome>& outcomes,
                const std::vector<bool>& done);

  /// Of the whole range; as a phase of its own a part counts from 0.
  Interval part(std::size_t number) const { return {firsts_[number], firsts_[number + 1]}; }
  /// The combinations behind indices of a family, which counts from 0 as well.
  Interval combinations(std::size_t number, Interval indices) const;
  /// Expected cost of the first `end` indices of a part.
  double cost(std::size_t number, std::uint64_t end) const;

  /// Finished `ranges` of a part, with all that was found there. Reads the outcomes.
  FinishedPart pack(std::size_t number, const std::vector<Interval>& ranges,
                    const CampaignTally& tally) const;

  std::string name() const override { return "campaign"; }
  std::uint64_t index_count() const override { return firsts_.back(); }
  double expected_cost(std::uint64_t end) const override;
  bool is_kept() const override { return true; }
  /// Sets outcomes of the list, and adds to the following.
  bool restore(const std::vector<Interval>& ranges, std::span<const std::byte> payload) override;

  /// What restore() has found: rows and counts but those of the families, which are apart.
  CampaignTally& restored() noexcept { return restored_; }
  const FamilyCount& restored_family(std::size_t i) const { return restored_families_[i]; }

  void prepare(unsigned /*workers*/) override {}
  void run_batch(unsigned, std::uint64_t, std::uint64_t) override {}
  void sample(std::uint64_t, std::uint64_t) override {}

 private:
  std::size_t part_of(std::uint64_t index) const;
  bool fits_list(const std::vector<Interval>& ranges, std::span<const std::byte> outcomes,
                 const CampaignRows& rows) const;
  bool fits_family(std::size_t i, std::uint64_t indices, const CampaignTally& tally) const;

  const Campaign& campaign_;
  std::vector<ListOutcome>& outcomes_;
  std::vector<std::uint64_t> firsts_;   ///< index of each part, and the end
  std::vector<std::uint64_t> strides_;  ///< 1 for the list
  std::vector<double> list_costs_;      ///< of the entries before each
  std::vector<double> unit_costs_;      ///< of an index of each family
  CampaignTally restored_;
  std::vector<FamilyCount> restored_families_;
};

}  // namespace orbitmill
