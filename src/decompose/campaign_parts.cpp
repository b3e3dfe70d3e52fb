#include "campaign_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "orbitmill/error.hpp"
#include "orbitmill/register/symmetry.hpp"
#include "packed_bytes.hpp"

namespace orbitmill {
namespace {

/// Of a register, in steps; each costs something, and one beyond the engines fails at once.
double cost_of(std::uint32_t field_order, std::uint32_t length) {
  const double states = std::pow(static_cast<double>(field_order), length);
  return 64 + (states < 9e18 ? states : 0);
}

}  // namespace

CampaignParts::CampaignParts(const Campaign& campaign, std::vector<ListOutcome>& outcomes,
                             const std::vector<bool>& done)
    : campaign_(campaign),
      outcomes_(outcomes),
      firsts_{0, campaign.list.size()},
      strides_{1},
      list_costs_{0},
      restored_families_(campaign.families.size()) {
  if (campaign.list.size() > max_indices) {
    throw JobError(fmt::format("a list of {} registers: at most {} are taken in one run",
                               campaign.list.size(), max_indices));
  }
  list_costs_.reserve(campaign.list.size() + 1);
  for (std::uint64_t entry = 0; entry < campaign.list.size(); ++entry) {
    double cost = 0;
    if (outcomes[entry] == ListOutcome::open) {
      const KeyedRegister reg = register_of_key(campaign.list.canonical(entry));
      cost = cost_of(reg.field_order, reg.length);
    }
    list_costs_.push_back(list_costs_.back() + cost);
  }
  for (std::size_t i = 0; i < campaign.families.size(); ++i) {
    const FormFamily& family = campaign.families[i];
    const std::uint64_t combinations = family.combinations();
    const std::uint64_t stride = combinations == 0 ? 1 : (combinations - 1) / max_indices + 1;
    strides_.push_back(stride);
    firsts_.push_back(firsts_.back() + combinations / stride +
                      (combinations % stride == 0 ? 0 : 1));
    unit_costs_.push_back(done[i] ? 0 : static_cast<double>(stride) * cost_of(2, family.length()));
  }
}

double CampaignParts::cost(std::size_t number, std::uint64_t end) const {
  return number == list ? list_costs_[end] : unit_costs_[number - 1] * static_cast<double>(end);
}

Interval CampaignParts::combinations(std::size_t number, Interval indices) const {
  const std::uint64_t stride = strides_[number];
  const std::uint64_t all = campaign_.families[number - 1].combinations();
  return {indices.first * stride,
          indices.last == part(number).size() ? all : indices.last * stride};
}

double CampaignParts::expected_cost(std::uint64_t end) const {
  double sum = 0;
  for (std::size_t number = 0; number + 1 < firsts_.size() && firsts_[number] < end; ++number) {
    sum += cost(number, std::min(end, firsts_[number + 1]) - firsts_[number]);
  }
  return sum;
}

FinishedPart CampaignParts::pack(std::size_t number, const std::vector<Interval>& ranges,
                                 const CampaignTally& tally) const {
  FinishedPart finished;
  tally.pack(finished.bytes);
  for (const Interval& range : ranges) {
    finished.ranges.push_back({firsts_[number] + range.first, firsts_[number] + range.last});
    if (number != list) continue;
    append_bytes<ListOutcome>(finished.bytes,
                              std::span(outcomes_).subspan(range.first, range.size()));
  }
  return finished;
}

/// The part of an index < index_count(). Parts may be empty.
std::size_t CampaignParts::part_of(std::uint64_t index) const {
  return static_cast<std::size_t>(std::ranges::upper_bound(firsts_, index) - firsts_.begin()) - 1;
}

bool CampaignParts::restore(const std::vector<Interval>& ranges,
                            std::span<const std::byte> payload) {
  if (ranges.empty() || ranges.back().last > index_count()) return false;
  const std::size_t number = part_of(ranges.front().first);
  if (ranges.back().last > firsts_[number + 1]) return false;
  std::vector<Interval> own;
  std::uint64_t indices = 0;
  for (const Interval& range : ranges) {
    own.push_back({range.first - firsts_[number], range.last - firsts_[number]});
    indices += range.size();
  }
  CampaignTally tally;
  const std::optional<std::span<const std::byte>> rest = tally.unpack(payload);
  if (!rest || tally.family.kept != tally.rows.size() ||
      tally.family.kept + tally.family.filtered > tally.family.registers) {
    return false;
  }
  if (number == list) {
    if (rest->size() != indices || !fits_list(own, *rest, tally.rows)) return false;
    std::span<const std::byte> outcomes = *rest;
    for (const Interval& range : own) {
      take_bytes(outcomes, std::span(outcomes_).subspan(range.first, range.size()));
    }
  } else {
    if (!rest->empty() || !fits_family(number - 1, indices, tally)) return false;
    FamilyCount& count = restored_families_[number - 1];
    count.registers += tally.family.registers;
    count.filtered += tally.family.filtered;
    count.kept += tally.family.kept;
  }
  tally.family = {};
  restored_.merge(std::move(tally));
  return true;
}

/// Each entry with an outcome of this task, and the rows those of the entries that have one.
bool CampaignParts::fits_list(const std::vector<Interval>& ranges,
                              std::span<const std::byte> outcomes, const CampaignRows& rows) const {
  std::vector<std::uint64_t> with_row;
  for (const Interval& range : ranges) {
    for (std::uint64_t entry = range.first; entry < range.last; ++entry) {
      const auto outcome = static_cast<ListOutcome>(outcomes[0]);
      outcomes = outcomes.subspan(1);
      if (outcome == ListOutcome::row) {
        with_row.push_back(entry);
      } else if (outcome != ListOutcome::filtered &&
                 (outcome != ListOutcome::rejected || campaign_.task != CampaignTask::search)) {
        return false;
      }
    }
  }
  std::vector<std::uint64_t> found;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    found.push_back(campaign_.list.find(rows[i].canonical));
    if (found.back() == RegisterList::none || rows[i].asked != campaign_.list.asked(found.back())) {
      return false;
    }
  }
  std::ranges::sort(found);
  return found == with_row;
}

bool CampaignParts::fits_family(std::size_t i, std::uint64_t indices,
                                const CampaignTally& tally) const {
  if (tally.family.registers > indices * strides_[family(i)]) return false;
  // A register of the family, as far as can be seen without matching its form.
  const std::string head = register_key(2, campaign_.families[i].length(), {}).substr(0, 8);
  for (std::size_t row = 0; row < tally.rows.size(); ++row) {
    if (!tally.rows[row].canonical.starts_with(head)) return false;
    if (!tally.rows[row].asked.starts_with(head)) return false;
  }
  return true;
}

}  // namespace orbitmill
