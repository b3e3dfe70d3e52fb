/// What some registers of a campaign came to: rows, and counts that add up.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "orbitmill/decompose/campaign.hpp"

namespace orbitmill {

/// Sums of one worker, or of many.
struct CampaignTally {
  CampaignRows rows;
  FamilyCount family;  ///< but for the combinations
  FilterCount terms{"terms"}, degree{"degree"};
  PeriodStageCounts stages{};

  void merge(CampaignTally&& other);

  /// As CampaignRows: the seconds are kept as well, so that they add up over interrupted runs.
  void pack(std::vector<std::byte>& bytes) const;
  std::optional<std::span<const std::byte>> unpack(std::span<const std::byte> bytes);
};

}  // namespace orbitmill
