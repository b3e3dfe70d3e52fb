#include "cost_curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <sstream>
#include <stdexcept>

namespace orbitmill::simulation {
namespace {

/// Number of the class of `value`: by its highest bit and the `detail` bits behind it. Monotone.
std::size_t class_of(std::uint64_t value, unsigned detail) {
  const auto width = static_cast<unsigned>(std::bit_width(value));
  if (width <= detail + 1) return value;
  const unsigned shift = width - detail - 1;
  return (std::size_t{shift} << detail) + (value >> shift);
}

}  // namespace

CostCurve::CostCurve(const std::vector<Knot>& knots) {
  knots_.reserve(knots.size() + 1);
  if (knots.empty() || knots.front().end != 0) knots_.emplace_back();
  knots_.insert(knots_.end(), knots.begin(), knots.end());
  for (std::size_t i = 1; i < knots_.size(); ++i) {
    if (knots_[i].end <= knots_[i - 1].end || !(knots_[i].cost >= knots_[i - 1].cost)) {
      throw std::invalid_argument(
          fmt::format("cost curve: knot {} ({}, {}) does not follow ({}, {})", i, knots_[i].end,
                      knots_[i].cost, knots_[i - 1].end, knots_[i - 1].cost));
    }
  }
  if (!(total() > 0) || knots_.front().cost != 0) {
    throw std::invalid_argument("cost curve: it must begin at 0 and end above");
  }
  index_knots();
}

void CostCurve::index_knots() {
  // starts_[c]: the first knot whose class is c or more.
  std::size_t knot = 0;
  for (std::size_t c = 0; c < starts_.size(); ++c) {
    while (knot < knots_.size() && class_of(knots_[knot].end, detail_bits) < c) ++knot;
    starts_[c] = static_cast<std::uint32_t>(knot);
  }
}

double CostCurve::up_to(std::uint64_t end) const {
  const std::size_t c = class_of(end, detail_bits);
  const auto from = knots_.begin() + starts_[c];
  const auto to = knots_.begin() + starts_[c + 1];
  const auto right = std::lower_bound(
      from, to, end, [](const Knot& knot, std::uint64_t index) { return knot.end < index; });
  if (right == knots_.end()) return total();
  if (right->end == end) return right->cost;
  const Knot& left = *(right - 1);
  const double part =
      static_cast<double>(end - left.end) / static_cast<double>(right->end - left.end);
  return left.cost + (right->cost - left.cost) * part;
}

double CostCurve::dearest_index() const {
  double dearest = 0;
  for (std::size_t i = 1; i < knots_.size(); ++i) {
    dearest = std::max(dearest, (knots_[i].cost - knots_[i - 1].cost) /
                                    static_cast<double>(knots_[i].end - knots_[i - 1].end));
  }
  return dearest;
}

CostCurve CostCurve::scaled_to(double total_cost) const {
  std::vector<Knot> knots = knots_;
  const double factor = total_cost / total();
  for (Knot& knot : knots) knot.cost *= factor;
  return CostCurve(knots);
}

CostCurve CostCurve::cut(double longest, std::uint64_t index_count) const {
  // Stretch every piece by the same factor, but a dear one by what the limit demands. The factor is
  // found by bisection: the sum grows with it.
  const auto pieces = [&](std::size_t i, double stretch) {
    const auto indices = static_cast<double>(knots_[i].end - knots_[i - 1].end);
    const double cost = knots_[i].cost - knots_[i - 1].cost;
    return std::ceil(std::max({indices * stretch, cost / longest, 1.0}));
  };
  const auto sum = [&](double stretch) {
    double all = 0;
    for (std::size_t i = 1; i < knots_.size(); ++i) all += pieces(i, stretch);
    return all;
  };
  const auto wanted = static_cast<double>(index_count);
  double low = 0;
  double high = wanted / static_cast<double>(this->index_count()) + 1;
  if (!(sum(low) <= wanted)) {
    throw std::invalid_argument(
        fmt::format("cost curve: {} indices of at most {} s are too few", index_count, longest));
  }
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (sum(middle) <= wanted ? low : high) = middle;
  }
  std::vector<Knot> knots;
  std::uint64_t end = 0;
  for (std::size_t i = 1; i < knots_.size(); ++i) {
    end += static_cast<std::uint64_t>(pieces(i, low));
    knots.push_back({end, knots_[i].cost});
  }
  return CostCurve(knots);
}

CostCurve read_cost_curve(std::istream& in) {
  std::vector<CostCurve::Knot> knots;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream fields(line);
    CostCurve::Knot knot;
    if (!(fields >> knot.end >> knot.cost)) {
      throw std::invalid_argument(
          fmt::format("cost curve, line {}: \"{}\" is not \"end <tab> seconds\"", number, line));
    }
    knots.push_back(knot);
  }
  return CostCurve(knots);
}

CostCurve flat_cost(std::uint64_t index_count) {
  return CostCurve({{index_count, 1.0}});
}

CostCurve late_cost(std::uint64_t index_count, double share) {
  const std::uint64_t cheap = index_count - (index_count + 9) / 10;
  if (cheap == 0) return flat_cost(index_count);
  return CostCurve({{cheap, 1 - share}, {index_count, 1.0}});
}

CostCurve log_normal_cost(std::uint64_t index_count, unsigned pieces, double sigma,
                          std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> weight(0.0, sigma);
  const std::uint64_t parts = std::min<std::uint64_t>(pieces, index_count);
  std::vector<CostCurve::Knot> knots;
  double sum = 0;
  for (std::uint64_t part = 0; part < parts; ++part) {
    sum += weight(random);
    knots.push_back({equal_part(index_count, part, parts).last, sum});
  }
  return CostCurve(knots).scaled_to(1.0);
}

}  // namespace orbitmill::simulation
