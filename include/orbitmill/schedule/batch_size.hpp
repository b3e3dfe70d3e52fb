/// How many indices a worker takes at once.
///
/// A batch should last milliseconds: long enough that taking it costs nothing, short enough that
/// the workers end together. The cost per index is unknown and skewed, so each worker goes by its
/// last batch, grows by a bounded factor, and takes no more than its fair part of what is left.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace orbitmill {

class BatchSize {
 public:
  /// `fixed` indices per batch, or adaptive where it is 0, beginning with `start`.
  BatchSize(std::uint64_t fixed, unsigned workers, std::uint64_t start = 1)
      : fixed_(fixed), workers_(workers), start_(start), size_(start) {}

  /// A first batch for `all_workers` workers of a job. A kernel walks several indices at once
  /// faster than one by one (first batch of 64 instead of 1: 12 % less time for one worker at n =
  /// 24), but where the cost sits in front the first batch must stay below one worker's fair part.
  static constexpr std::uint64_t first_batch(unsigned all_workers) {
    return std::max<std::uint64_t>(1, 64 / all_workers);
  }

  /// Size of the next batch, >= 1, when `left` indices are left for all workers.
  std::uint64_t next(std::uint64_t left) const {
    if (fixed_ > 0) return fixed_;
    // Half a fair part: the last batches shrink geometrically, as in guided self-scheduling
    // (Polychronopoulos and Kuck, 1987).
    return std::clamp<std::uint64_t>(left / (2 * workers_), 1, size_);
  }

  /// The next batch comes from the word of `rank`, filled `refills` times. In another stretch of
  /// the range than the last batch's, what was learnt there may be wrong by any factor. A worker
  /// that kept a size learnt among cheap indices held one batch of 70 s in a simulated phase of 60
  /// s (tests/bench); growing again costs a few short batches.
  void enter(int rank, std::uint64_t refills) {
    if (const std::pair stretch(rank, refills); stretch != stretch_) {
      stretch_ = stretch;
      restart();
    }
  }
  /// Forgets what was learnt.
  void restart() { size_ = start_; }

  /// Reports that a batch of `indices` took `seconds`.
  void learn(std::uint64_t indices, double seconds) {
    // The growth bound keeps one cheap batch in front of a dear region from making the next one
    // huge.
    const double wanted = static_cast<double>(indices) * target_s / std::max(seconds, 1e-9);
    const auto most = static_cast<double>(std::min(indices, max_size / growth) * growth);
    size_ = static_cast<std::uint64_t>(std::clamp(wanted, 1.0, most));
  }

 private:
  static constexpr double target_s = 2e-3;
  static constexpr std::uint64_t growth = 4;
  static constexpr std::uint64_t max_size = 0xffff'ffff;

  std::uint64_t fixed_;
  unsigned workers_;
  std::uint64_t start_;
  std::uint64_t size_;
  std::pair<int, std::uint64_t> stretch_{-1, 0};  ///< the word of the last batch and its refills
};

}  // namespace orbitmill
