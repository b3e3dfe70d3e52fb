#include "orbitmill/decompose/milestone_pass.hpp"

#include <algorithm>
#include <array>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <cstring>

#include "orbitmill/cluster/messages.hpp"

namespace orbitmill {
namespace {

/// Enough for 512 lanes to be full most of the time, for at the end of a
/// batch they run empty (about seven mean lengths), yet several indices for every worker.
std::uint64_t choose_stride(std::uint64_t milestones, unsigned workers) {
  constexpr std::uint64_t full = 32'768;
  constexpr std::uint64_t least = 512;
  return std::clamp(milestones / (std::uint64_t{16} * workers), least, full);
}

/// Entries in a part to be kept: a damaged record costs no more than that.
constexpr std::uint64_t part_entries = (std::uint64_t{16} << 20) / sizeof(std::uint64_t);

/// 1 GiB a message at most.
constexpr std::uint64_t message_bytes = std::uint64_t{1} << 30;

/// Goes ahead of restored entries: the first of them and how many; none ends them.
using RestoredHeader = std::array<std::uint64_t, 2>;

}  // namespace

std::uint64_t milestone_stride(std::uint64_t milestones, unsigned workers) {
  return std::max(choose_stride(milestones, workers),
                  (milestones + Phase::max_indices - 1) / Phase::max_indices);
}

MilestonePass::MilestonePass(const MilestoneMap& map, const SegmentFormat& format,
                             std::uint64_t* table, unsigned workers, std::uint64_t stride)
    : map_(map),
      format_(format),
      split_(TableSplit::on_root(map.count())),
      part_{0, table == nullptr ? 0 : map.count()},
      entries_(table),
      stride_(stride > 0 ? stride : milestone_stride(map.count(), workers)),
      index_count_((map.count() + stride_ - 1) / stride_) {}

MilestonePass::MilestonePass(const MilestoneMap& map, const SegmentFormat& format,
                             const boost::mpi::communicator& comm, const TableSplit& split,
                             Interval part, std::uint64_t* entries, std::uint64_t stride)
    : map_(map),
      format_(format),
      comm_(&comm),
      split_(split),
      part_(part),
      entries_(entries),
      stride_(stride),
      index_count_((map.count() + stride_ - 1) / stride_) {}

void MilestonePass::prepare(unsigned workers) {
  workers_.clear();
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->walker = make_segment_walker(map_);
  }
}

template <class Action>
void MilestonePass::for_each_side(std::uint64_t first, std::uint64_t last, Action action) const {
  const std::uint64_t begin = std::clamp(part_.first, first, last);
  const std::uint64_t end = std::clamp(part_.last, begin, last);
  if (first < begin) action(first, begin, false);
  if (begin < end) action(begin, end, true);
  if (end < last) action(end, last, false);
}

void MilestonePass::run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) {
  Worker& mine = *workers_[worker];
  for_each_side(begin_of(first), begin_of(last),
                [&](std::uint64_t begin, std::uint64_t end, bool in_place) {
                  if (!in_place) {
                    mine.parts.push_back({begin, std::vector<std::uint64_t>(end - begin)});
                  }
                  SegmentSink sink(format_, begin,
                                   in_place ? place_of(begin) : mine.parts.back().entries.data(),
                                   mine.long_segments);
                  mine.walker->walk(begin, end, sink);
                  mine.states += sink.states();
                });
}

void MilestonePass::sample(std::uint64_t first, std::uint64_t last) {
  const std::uint64_t begin = first * stride_;
  const std::uint64_t end = std::min(last * stride_, map_.count());
  std::vector<std::uint64_t> thrown_away(end - begin);
  std::vector<LongSegment> long_ones;
  SegmentSink sink(format_, begin, thrown_away.data(), long_ones);
  workers_.front()->walker->walk(begin, end, sink);
}

/// What take_finished() is to hand out, in order; counts it as taken.
std::vector<MilestonePass::Piece> MilestonePass::finished_pieces(
    Worker& mine, const std::vector<Interval>& ranges) const {
  std::vector<Piece> pieces;
  const auto add = [&](Interval range, const std::uint64_t* entries) {
    const std::uint64_t most = std::max<std::uint64_t>(1, part_entries / stride_);
    for (std::uint64_t first = range.first; first < range.last; first += most) {
      const Interval some{first, std::min(first + most, range.last)};
      pieces.push_back({some,
                        {entries + (begin_of(first) - begin_of(range.first)),
                         begin_of(some.last) - begin_of(first)}});
    }
  };
  for (const Interval& range : ranges) {
    for_each_side(begin_of(range.first), begin_of(range.last),
                  [&](std::uint64_t begin, std::uint64_t end, bool in_place) {
                    if (!in_place) return;
                    add({begin / stride_, (end + stride_ - 1) / stride_}, place_of(begin));
                  });
  }
  for (; mine.parts_taken < mine.parts.size(); ++mine.parts_taken) {
    const Part& part = mine.parts[mine.parts_taken];
    const std::uint64_t first = part.first / stride_;
    add({first, first + (part.entries.size() + stride_ - 1) / stride_}, part.entries.data());
  }
  std::ranges::sort(pieces, {}, [](const Piece& piece) { return piece.range.first; });
  return pieces;
}

std::vector<FinishedPart> MilestonePass::take_finished(unsigned worker,
                                                       const std::vector<Interval>& ranges) {
  Worker& mine = *workers_[worker];
  const std::vector<Piece> pieces = finished_pieces(mine, ranges);
  std::vector<LongSegment> long_ones(
      mine.long_segments.begin() + static_cast<std::ptrdiff_t>(mine.long_segments_taken),
      mine.long_segments.end());
  mine.long_segments_taken = mine.long_segments.size();
  std::ranges::sort(long_ones);

  std::vector<FinishedPart> parts;
  auto next_long = long_ones.begin();
  for (auto piece = pieces.begin(); piece != pieces.end();) {
    FinishedPart part;
    std::vector<LongSegment> own;
    for (std::uint64_t entries = 0; piece != pieces.end() && entries < part_entries; ++piece) {
      entries += piece->entries.size();
      part.ranges.push_back(piece->range);
      part.views.push_back(std::as_bytes(piece->entries));
      for (; next_long != long_ones.end() && next_long->index < begin_of(piece->range.last);
           ++next_long) {
        own.push_back(*next_long);
      }
    }
    const std::uint64_t count = own.size();
    for (const auto raw : {std::as_bytes(std::span(&count, 1)), std::as_bytes(std::span(own))}) {
      part.bytes.insert(part.bytes.end(), raw.begin(), raw.end());
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

bool MilestonePass::restore(const std::vector<Interval>& ranges,
                            std::span<const std::byte> payload) {
  std::uint64_t long_count = 0;
  if (payload.size() < sizeof(long_count)) return false;
  std::memcpy(&long_count, payload.data(), sizeof(long_count));
  payload = payload.subspan(sizeof(long_count));
  if (long_count > payload.size() / sizeof(LongSegment)) return false;
  std::vector<LongSegment> long_ones(long_count);
  if (long_count > 0) {
    std::memcpy(long_ones.data(), payload.data(), long_count * sizeof(LongSegment));
  }
  payload = payload.subspan(long_count * sizeof(LongSegment));
  std::uint64_t entries = 0;
  for (const Interval& range : ranges) entries += begin_of(range.last) - begin_of(range.first);
  if (payload.size() != entries * sizeof(std::uint64_t)) return false;

  // First look, then change: an escaped length must have its long segment, and only that.
  std::uint64_t states = 0;
  auto next_long = long_ones.begin();
  const std::byte* from = payload.data();
  for (const Interval& range : ranges) {
    for (std::uint64_t index = begin_of(range.first); index < begin_of(range.last); ++index) {
      std::uint64_t entry = 0;
      std::memcpy(&entry, from, sizeof(entry));
      from += sizeof(entry);
      if ((entry & SegmentFormat::visited) != 0) return false;
      if (format_.successor(entry) >= map_.count()) return false;
      const std::uint64_t length = format_.length(entry);
      states += length;
      if (length < format_.escape_length()) continue;
      if (next_long == long_ones.end() || next_long->index != index) return false;
      states += next_long->length - length;
      ++next_long;
    }
  }
  if (next_long != long_ones.end()) return false;

  Worker& mine = *workers_.front();
  mine.long_segments.insert(mine.long_segments.end(), long_ones.begin(), long_ones.end());
  mine.long_segments_taken = mine.long_segments.size();
  mine.states += states;
  for (const Interval& range : ranges) {
    const Interval milestones{begin_of(range.first), begin_of(range.last)};
    restore_entries(milestones, payload.data());
    payload = payload.subspan(milestones.size() * sizeof(std::uint64_t));
  }
  return true;
}

/// The entries are valid; in memory or on their way to it when this returns.
void MilestonePass::restore_entries(Interval milestones, const std::byte* from) {
  const auto send = [&](std::uint64_t first, std::uint64_t count, const std::byte* bytes) {
    const int owner = split_.owner_of(first);
    const RestoredHeader header = {first, count};
    MPI_Send(header.data(), header.size(), MPI_UINT64_T, owner, tag_restored, *comm_);
    MPI_Send(bytes, to_mpi_int(count * sizeof(std::uint64_t)), MPI_BYTE, owner, tag_restored,
             *comm_);
  };
  for_each_side(milestones.first, milestones.last,
                [&](std::uint64_t first, std::uint64_t last, bool in_place) {
                  const std::byte* bytes = from + (first - milestones.first) * sizeof(first);
                  if (in_place) {
                    std::memcpy(place_of(first), bytes, (last - first) * sizeof(first));
                    return;
                  }
                  while (first < last) {
                    const std::uint64_t count = std::min(
                        {last - first, split_.share_of(split_.owner_of(first)).last - first,
                         message_bytes / sizeof(first)});
                    send(first, count, bytes);
                    first += count;
                    bytes += count * sizeof(first);
                  }
                });
}

void MilestonePass::end_restore() {
  if (comm_ == nullptr) return;
  RestoredHeader header{};
  if (comm_->rank() == 0) {
    for (int rank = 1; rank < comm_->size(); ++rank) {
      MPI_Send(header.data(), header.size(), MPI_UINT64_T, rank, tag_restored, *comm_);
    }
    return;
  }
  for (;;) {
    MPI_Recv(header.data(), header.size(), MPI_UINT64_T, 0, tag_restored, *comm_,
             MPI_STATUS_IGNORE);
    const auto [first, count] = header;
    if (count == 0) return;
    MPI_Recv(place_of(first), to_mpi_int(count * sizeof(first)), MPI_BYTE, 0, tag_restored, *comm_,
             MPI_STATUS_IGNORE);
  }
}

void MilestonePass::gather(const boost::mpi::communicator& comm) {
  std::vector<StrayEntries> strays;
  for (const auto& worker : workers_) {
    for (const Part& part : worker->parts) strays.push_back({part.first, part.entries});
    long_segments_.insert(long_segments_.end(), worker->long_segments.begin(),
                          worker->long_segments.end());
  }
  bring_home(comm, split_, part_, entries_, strays);
  for (const auto& worker : workers_) worker->parts = {};

  std::vector<std::vector<LongSegment>> all;
  boost::mpi::all_gather(comm, long_segments_, all);
  long_segments_.clear();
  for (const auto& some : all)
    long_segments_.insert(long_segments_.end(), some.begin(), some.end());
  std::ranges::sort(long_segments_);
}

std::uint64_t MilestonePass::states() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->states;
  return sum;
}

}  // namespace orbitmill
