#include "orbitmill/decompose/table_split.hpp"

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/utility.hpp>
#include <boost/serialization/vector.hpp>
#include <numeric>
#include <utility>

#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// 1 GiB a message at most.
constexpr std::uint64_t message_entries = (std::uint64_t{1} << 30) / sizeof(std::uint64_t);

/// Entries on their way to one rank, or from one.
struct Piece {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& first& count;
  }
};

/// One message: pieces of memory, as an MPI datatype, so that nothing is copied on either side.
struct Parcel {
  std::vector<int> lengths;
  std::vector<MPI_Aint> places;
  std::uint64_t entries = 0;
};

/// Cuts the pieces, `place_of(i)` being where the i-th lies. Both sides cut alike.
template <class PlaceOf>
std::vector<Parcel> pack_parcels(const std::vector<Piece>& pieces, PlaceOf place_of) {
  std::vector<Parcel> parcels;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    auto* const place = place_of(i);
    for (std::uint64_t done = 0; done < pieces[i].count;) {
      if (parcels.empty() || parcels.back().entries == message_entries) parcels.emplace_back();
      Parcel& parcel = parcels.back();
      const std::uint64_t some = std::min(pieces[i].count - done, message_entries - parcel.entries);
      MPI_Aint address = 0;
      MPI_Get_address(place + done, &address);
      parcel.lengths.push_back(to_mpi_int(some));
      parcel.places.push_back(address);
      parcel.entries += some;
      done += some;
    }
  }
  return parcels;
}

/// The datatype of a parcel; none stands for no message.
class ParcelType {
 public:
  explicit ParcelType(const Parcel* parcel) {
    if (parcel == nullptr) return;
    MPI_Type_create_hindexed(to_mpi_int(parcel->lengths.size()), parcel->lengths.data(),
                             parcel->places.data(), MPI_UINT64_T, &type_);
    MPI_Type_commit(&type_);
  }
  ~ParcelType() {
    if (type_ != MPI_DATATYPE_NULL) MPI_Type_free(&type_);
  }
  ParcelType(const ParcelType&) = delete;
  ParcelType& operator=(const ParcelType&) = delete;

  MPI_Datatype get() const { return type_ == MPI_DATATYPE_NULL ? MPI_UINT64_T : type_; }
  int count() const { return type_ == MPI_DATATYPE_NULL ? 0 : 1; }
  int partner(int rank) const { return type_ == MPI_DATATYPE_NULL ? MPI_PROC_NULL : rank; }

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

}  // namespace

TableSplit::TableSplit(std::vector<std::uint64_t> borders, const std::vector<int>& ranks)
    : entries_(borders.back()), shares_(ranks.size()) {
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const Interval share{borders[i], borders[i + 1]};
    shares_[static_cast<std::size_t>(ranks[i])] = share;
    if (share.empty()) continue;
    most_entries_ = std::max(most_entries_, share.size());
    firsts_.push_back(share.first);
    owners_.push_back(ranks[i]);
  }
}

TableSplit TableSplit::on_root(std::uint64_t entries) {
  return TableSplit({0, entries}, {0});
}

TableSplit TableSplit::over_nodes(const boost::mpi::communicator& comm,
                                  const boost::mpi::communicator& node, std::uint64_t entries,
                                  std::uint64_t stride) {
  int leader = comm.rank();
  boost::mpi::broadcast(node, leader, 0);
  std::vector<int> leaders;
  boost::mpi::all_gather(comm, leader, leaders);
  std::vector<int> ranks(leaders.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  std::ranges::stable_sort(ranks, {},
                           [&](int rank) { return leaders[static_cast<std::size_t>(rank)]; });
  const std::uint64_t indices = (entries + stride - 1) / stride;
  std::vector<std::uint64_t> borders = {0};
  for (std::uint64_t i = 0; i < ranks.size(); ++i) {
    borders.push_back(std::min(equal_part(indices, i, ranks.size()).last * stride, entries));
  }
  return TableSplit(std::move(borders), ranks);
}

int TableSplit::owner_of(std::uint64_t index) const {
  return owners_[static_cast<std::size_t>(std::ranges::upper_bound(firsts_, index) -
                                          firsts_.begin() - 1)];
}

Interval TableSplit::share_of(int rank) const {
  const auto place = static_cast<std::size_t>(rank);
  return place < shares_.size() ? shares_[place] : Interval{};
}

Interval TableSplit::part_of(const boost::mpi::communicator& node, int rank) const {
  std::vector<int> ranks;
  boost::mpi::all_gather(node, rank, ranks);
  Interval part;
  std::uint64_t entries = 0;
  for (const int one : ranks) {
    const Interval share = share_of(one);
    if (share.empty()) continue;
    if (part.empty()) part = share;
    part = {std::min(part.first, share.first), std::max(part.last, share.last)};
    entries += share.size();
  }
  if (entries != part.size()) throw InternalError("the shares of a node are not neighbours");
  return part;
}

void bring_home(const boost::mpi::communicator& comm, const TableSplit& split, Interval part,
                std::uint64_t* entries, std::span<const StrayEntries> strays) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  std::vector<std::vector<Piece>> out(ranks), in;
  std::vector<std::vector<const std::uint64_t*>> places(ranks);
  for (const StrayEntries& stray : strays) {
    for (std::uint64_t done = 0; done < stray.entries.size();) {
      const std::uint64_t first = stray.first + done;
      const auto owner = static_cast<std::size_t>(split.owner_of(first));
      const std::uint64_t some = std::min(stray.entries.size() - done,
                                          split.share_of(static_cast<int>(owner)).last - first);
      out[owner].push_back({first, some});
      places[owner].push_back(stray.entries.data() + done);
      done += some;
    }
  }
  boost::mpi::all_to_all(comm, out, in);
  // In the round of distance d everybody sends d ranks ahead, so that no rank is asked by many.
  for (int distance = 1; distance < comm.size(); ++distance) {
    const int to = (comm.rank() + distance) % comm.size();
    const int from = (comm.rank() + comm.size() - distance) % comm.size();
    const auto to_place = static_cast<std::size_t>(to);
    const auto from_place = static_cast<std::size_t>(from);
    const std::vector<Parcel> going =
        pack_parcels(out[to_place], [&](std::size_t i) { return places[to_place][i]; });
    const std::vector<Parcel> coming = pack_parcels(in[from_place], [&](std::size_t i) {
      const Piece& piece = in[from_place][i];
      if (piece.first < part.first || piece.first + piece.count > part.last) {
        throw InternalError("entries of the table went to a rank that does not hold them");
      }
      return entries + (piece.first - part.first);
    });
    for (std::size_t i = 0; i < std::max(going.size(), coming.size()); ++i) {
      const ParcelType send(i < going.size() ? &going[i] : nullptr);
      const ParcelType receive(i < coming.size() ? &coming[i] : nullptr);
      MPI_Sendrecv(MPI_BOTTOM, send.count(), send.get(), send.partner(to), tag_segments, MPI_BOTTOM,
                   receive.count(), receive.get(), receive.partner(from), tag_segments, comm,
                   MPI_STATUS_IGNORE);
    }
  }
}

}  // namespace orbitmill
