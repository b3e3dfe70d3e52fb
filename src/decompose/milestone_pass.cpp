#include "orbitmill/decompose/milestone_pass.hpp"

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/mpi/nonblocking.hpp>
#include <boost/serialization/vector.hpp>

#include "orbitmill/cluster/messages.hpp"

namespace orbitmill {
namespace {

/// Milestones to an index: enough for 512 lanes to be full most of the time, for at the end of a
/// batch they run empty (about seven mean lengths), yet several indices for every worker.
std::uint64_t choose_stride(std::uint64_t milestones, unsigned workers) {
  constexpr std::uint64_t full = 32'768;
  constexpr std::uint64_t least = 512;
  return std::clamp(milestones / (std::uint64_t{16} * workers), least, full);
}

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

MilestonePass::MilestonePass(const MilestoneMap& map, const SegmentFormat& format,
                             std::uint64_t* table, unsigned workers)
    : map_(map),
      format_(format),
      table_(table),
      stride_(std::max(choose_stride(map.count(), workers),
                       (map.count() + max_indices - 1) / max_indices)),
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
