#include "orbitmill/decompose/milestone_pass.hpp"

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/mpi/nonblocking.hpp>
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
constexpr std::uint64_t message_entries = (std::uint64_t{1} << 30) / sizeof(std::uint64_t);

/// Place and size of one part, sent ahead of its entries.
struct PartHeader {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& first& count;
  }
};

}  // namespace

std::uint64_t milestone_stride(std::uint64_t milestones, unsigned workers) {
  return std::max(choose_stride(milestones, workers),
                  (milestones + Phase::max_indices - 1) / Phase::max_indices);
}

MilestonePass::MilestonePass(const MilestoneMap& map, const SegmentFormat& format,
                             std::uint64_t* table, unsigned workers, std::uint64_t stride)
    : map_(map),
      format_(format),
      table_(table),
      stride_(stride > 0 ? stride : milestone_stride(map.count(), workers)),
      index_count_((map.count() + stride_ - 1) / stride_) {}

void MilestonePass::prepare(unsigned workers) {
  workers_.clear();
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->walker = make_segment_walker(map_);
  }
}

void MilestonePass::run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) {
  Worker& mine = *workers_[worker];
  const std::uint64_t begin = first * stride_;
  const std::uint64_t end = std::min(last * stride_, map_.count());
  std::uint64_t* entries = table_ == nullptr ? nullptr : table_ + begin;
  if (table_ == nullptr) {
    mine.parts.push_back({begin, std::vector<std::uint64_t>(end - begin)});
    entries = mine.parts.back().entries.data();
  }
  SegmentSink sink(format_, begin, entries, mine.long_segments);
  mine.walker->walk(begin, end, sink);
  mine.states += sink.states();
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
  if (table_ != nullptr) {
    for (const Interval& range : ranges) add(range, table_ + begin_of(range.first));
    return pieces;
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
    const std::uint64_t bytes =
        (begin_of(range.last) - begin_of(range.first)) * sizeof(std::uint64_t);
    std::memcpy(table_ + begin_of(range.first), payload.data(), bytes);
    payload = payload.subspan(bytes);
  }
  return true;
}

void MilestonePass::gather(const boost::mpi::communicator& comm) {
  std::vector<PartHeader> headers;
  for (const auto& worker : workers_) {
    for (const Part& part : worker->parts) headers.push_back({part.first, part.entries.size()});
    long_segments_.insert(long_segments_.end(), worker->long_segments.begin(),
                          worker->long_segments.end());
  }
  std::vector<std::vector<PartHeader>> all_headers;
  boost::mpi::gather(comm, headers, all_headers, 0);
  if (comm.rank() == 0) {
    for (int rank = 1; rank < comm.size(); ++rank) {
      for (const PartHeader& part : all_headers[static_cast<std::size_t>(rank)]) {
        for (std::uint64_t done = 0; done < part.count; done += message_entries) {
          MPI_Recv(table_ + part.first + done,
                   to_mpi_int(std::min(message_entries, part.count - done)), MPI_UINT64_T, rank,
                   tag_segments, comm, MPI_STATUS_IGNORE);
        }
      }
    }
  } else {
    for (const auto& worker : workers_) {
      for (const Part& part : worker->parts) {
        for (std::uint64_t done = 0; done < part.entries.size(); done += message_entries) {
          MPI_Send(part.entries.data() + done,
                   to_mpi_int(std::min(message_entries, part.entries.size() - done)), MPI_UINT64_T,
                   0, tag_segments, comm);
        }
      }
    }
  }
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
