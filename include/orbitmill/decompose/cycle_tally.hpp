/// The partial result of one worker: the cycles it found, counted by length, and their rows if
/// asked.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "orbitmill/decompose/decomposition.hpp"

namespace orbitmill {

/// How many rows /cycles may have.
struct CyclePolicy {
  static constexpr std::uint64_t no_limit = ~std::uint64_t{0};
  bool keep_rows = true;
  std::uint64_t row_limit = 10'000'000;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& keep_rows& row_limit;
  }
};

/// Throws CannotCreateError: the decomposition has more cycles than the policy allows rows.
[[noreturn]] void throw_row_limit_exceeded(std::uint64_t row_limit);

/// Counts the rows kept by all workers of a rank, so that the memory for rows is bounded while the
/// work is still going on.
class RowBudget {
 public:
  explicit RowBudget(const CyclePolicy& policy) : policy_(policy) {}
  bool keeps_rows() const noexcept { return policy_.keep_rows; }
  /// Throws as throw_row_limit_exceeded when the limit is passed. Called from any worker.
  void take(std::uint64_t rows) {
    if (taken_.fetch_add(rows, std::memory_order_relaxed) + rows > policy_.row_limit) {
      throw_row_limit_exceeded(policy_.row_limit);
    }
  }

 private:
  CyclePolicy policy_;
  std::atomic<std::uint64_t> taken_{0};
};

class CycleTally {
 public:
  /// Cycles of at most `known_length` states are left out: another phase has found them.
  explicit CycleTally(RowBudget& budget, std::uint64_t known_length = 0)
      : budget_(&budget), known_length_(known_length) {}

  /// Another tally of the same phase, for another worker.
  CycleTally empty_one() const { return CycleTally(*budget_, known_length_); }

  /// Notes one cycle. Each cycle must be noted exactly once over all workers and ranks.
  void add(State leader, std::uint64_t length) {
    if (length <= known_length_) return;
    states_ += length;
    ++counts_[length];
    if (!budget_->keeps_rows()) return;
    rows_.push_back({leader, length});
    if (rows_.size() - reported_rows_ == report_interval) report_rows();
  }

  /// Reports the rows kept since the last report to the budget. Call at the end of every batch.
  void report_rows() {
    budget_->take(rows_.size() - reported_rows_);
    reported_rows_ = rows_.size();
  }

  /// Moves the contents of `other` into this one.
  void merge(CycleTally&& other);

  /// The contents as bytes (little-endian words, as all machines here have them), for unpack().
  void pack(std::vector<std::byte>& bytes) const;
  /// Adds contents that were packed. False, and no change, where the bytes are none. Throws as
  /// report_rows().
  bool unpack(std::span<const std::byte> bytes);

  /// Sum of the lengths noted.
  std::uint64_t states() const noexcept { return states_; }
  /// The cycles so far, sorted by length.
  Histogram histogram() const;
  /// Hands out the rows, in no particular order.
  std::vector<CycleRow> take_rows() { return std::move(rows_); }

 private:
  /// One atomic addition per this many rows: rare enough not to be shared traffic.
  static constexpr std::size_t report_interval = 4096;

  RowBudget* budget_;
  std::uint64_t known_length_;
  std::uint64_t states_ = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> counts_;
  std::vector<CycleRow> rows_;
  std::size_t reported_rows_ = 0;
};

/// The tally of one worker in a phase whose finished work is kept outside (schedule/phase.hpp):
/// what is new since the last hand-over, and all that was handed over before.
struct KeptTally {
  explicit KeptTally(const CycleTally& empty)
      : fresh(empty.empty_one()), handed_over(empty.empty_one()) {}

  /// Packs what is new; from now on it counts as handed over.
  void hand_over(std::vector<std::byte>& bytes) {
    fresh.pack(bytes);
    handed_over.merge(std::move(fresh));
  }
  /// Moves all of it to `sum`.
  void merge_into(CycleTally& sum) {
    sum.merge(std::move(handed_over));
    sum.merge(std::move(fresh));
  }

  CycleTally fresh;
  CycleTally handed_over;
};

/// The union of two histograms. Both sorted by length, as is the result.
Histogram merge_histograms(const Histogram& a, const Histogram& b);

}  // namespace orbitmill
