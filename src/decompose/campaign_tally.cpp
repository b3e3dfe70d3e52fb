#include "campaign_tally.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include "packed_bytes.hpp"

namespace orbitmill {
namespace {

constexpr std::size_t family_words = 3;
constexpr std::size_t count_words = 3;
constexpr std::size_t packed_words = family_words + count_words * (2 + period_stages);

/// FilterCount and PeriodStageCount.
template <class Count, class Other>
void add_count(Count& sum, const Other& other) {
  sum.entered += other.entered;
  sum.settled += other.settled;
  sum.seconds += other.seconds;
}

PeriodStageCount count_of(const std::uint64_t* words) {
  return {words[0], words[1], std::bit_cast<double>(words[2])};
}

}  // namespace

void CampaignTally::merge(CampaignTally&& other) {
  rows.append(std::move(other.rows));
  family.registers += other.family.registers;
  family.filtered += other.family.filtered;
  family.kept += other.family.kept;
  add_count(terms, other.terms);
  add_count(degree, other.degree);
  for (std::size_t i = 0; i < period_stages; ++i) add_count(stages[i], other.stages[i]);
}

void CampaignTally::pack(std::vector<std::byte>& bytes) const {
  std::vector<std::uint64_t> words = {family.registers, family.filtered, family.kept};
  const auto put = [&](const auto& count) {
    words.insert(words.end(),
                 {count.entered, count.settled, std::bit_cast<std::uint64_t>(count.seconds)});
  };
  put(terms);
  put(degree);
  for (const PeriodStageCount& stage : stages) put(stage);
  append_bytes<std::uint64_t>(bytes, words);
  rows.pack(bytes);
}

std::optional<std::span<const std::byte>> CampaignTally::unpack(std::span<const std::byte> bytes) {
  std::array<std::uint64_t, packed_words> words{};
  if (!take_bytes<std::uint64_t>(bytes, words)) return std::nullopt;
  const auto rest = rows.unpack(bytes);
  if (!rest) return std::nullopt;
  family.registers += words[0];
  family.filtered += words[1];
  family.kept += words[2];
  const std::uint64_t* at = words.data() + family_words;
  const auto take = [&](auto& sum) {
    add_count(sum, count_of(at));
    at += count_words;
  };
  take(terms);
  take(degree);
  for (PeriodStageCount& stage : stages) take(stage);
  return rest;
}

}  // namespace orbitmill
