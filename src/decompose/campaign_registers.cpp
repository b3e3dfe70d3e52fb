/// What a campaign asks about: the list, the filter, and who stands for a class.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "orbitmill/decompose/campaign.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/symmetry.hpp"

namespace orbitmill {
namespace {

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

std::uint64_t RegisterList::checksum() const {
  std::uint64_t sum = 0;
  for (const Entry& entry : entries_) {
    const std::array<std::uint64_t, 2> sizes = {entry.canonical_bytes, entry.asked_bytes};
    sum = XXH64(sizes.data(), sizeof(sizes), sum);
    sum = XXH64(bytes_.data() + entry.text, sizes[0] + sizes[1], sum);
  }
  return sum;
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

}  // namespace orbitmill
