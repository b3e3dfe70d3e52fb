#include "orbitmill/cluster/node_memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/memory_limits.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// Two cache lines: processors fetch them in pairs.
constexpr std::uint64_t alignment = 128;

void require_space(std::uint64_t bytes, bool shared) {
  constexpr double gib = 1024.0 * 1024 * 1024;
  const std::uint64_t available = available_node_memory();
  if (bytes > available) {
    throw CannotCreateError(fmt::format(
        "a table of {:.2f} GiB does not fit the {:.2f} GiB of memory that this node has left; a "
        "larger --milestone-zeros makes it smaller (one more halves it over GF(2)), --engine "
        "leader "
        "needs none",
        static_cast<double>(bytes) / gib, static_cast<double>(available) / gib));
  }
  const std::uint64_t free = available_shared_memory();
  if (shared && bytes > free) {
    throw CannotCreateError(fmt::format(
        "a table of {:.2f} GiB does not fit the {:.2f} GiB that /dev/shm has left, through which "
        "the ranks of a node share it; start one rank a node with more --threads, give a larger "
        "--milestone-zeros, or make /dev/shm larger",
        static_cast<double>(bytes) / gib, static_cast<double>(free) / gib));
  }
}

[[noreturn]] void throw_refused(std::uint64_t bytes) {
  throw CannotCreateError(fmt::format(
      "the system refused {} bytes for a table to one of the ranks (see ulimit -v); a larger "
      "--milestone-zeros needs less",
      bytes));
}

void* map_memory(std::uint64_t bytes, int more_flags) {
  void* const place =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1, 0);
  if (place == MAP_FAILED) throw_refused(bytes);
  return place;
}

/// Every rank must be able to map a shared table. Tried before MPI does it: where one rank cannot,
/// MPI_Win_allocate_shared of Open MPI 4.1.4 returns success there and waits for ever on the
/// others.
void require_address_space(std::uint64_t bytes) {
  constexpr std::uint64_t slack = 1 << 20;  // MPI's own part of the window
  munmap(map_memory(bytes + slack, MAP_NORESERVE), bytes + slack);
}

}  // namespace

NodeMemory::NodeMemory(const boost::mpi::communicator& node, std::uint64_t bytes)
    : node_(node), bytes_(bytes + alignment) {
  const bool shared = node.size() > 1;
  agree(node, [&] {
    if (node.rank() == 0) require_space(bytes_, shared);
    if (shared) require_address_space(bytes_);
  });
  if (!shared) {
    data_ = map_memory(bytes_, 0);
  } else {
    void* own = nullptr;
    const auto piece = static_cast<MPI_Aint>(node.rank() == 0 ? bytes_ : 0);
    agree(node, [&] {
      MPI_Comm_set_errhandler(node_, MPI_ERRORS_RETURN);
      const int code = MPI_Win_allocate_shared(piece, 1, MPI_INFO_NULL, node_, &own, &window_);
      MPI_Comm_set_errhandler(node_, MPI_ERRORS_ARE_FATAL);
      if (code != MPI_SUCCESS) {
        throw CannotCreateError(fmt::format(
            "MPI refused a shared-memory window of {} bytes; start one rank a node with more "
            "--threads, or give a larger --milestone-zeros",
            bytes_));
      }
    });
    MPI_Aint size = 0;
    int unit = 0;
    MPI_Win_shared_query(window_, 0, &size, &unit, &data_);
    data_ = align_in_window(data_, alignment);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window_);
  }
  // Only a wish: where the system has no huge pages the table is slower, not wrong.
  constexpr std::uintptr_t page = 4096;
  void* const pages = align_in_window(data_, page);
  const auto begin = reinterpret_cast<std::uintptr_t>(pages);
  const auto end = (reinterpret_cast<std::uintptr_t>(data_) + bytes) / page * page;
  if (end > begin) madvise(pages, end - begin, MADV_HUGEPAGE);
}

NodeMemory::~NodeMemory() {
  if (window_ == MPI_WIN_NULL) {
    munmap(data_, bytes_);
    return;
  }
  if (unwinding_.is_under_way()) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

void NodeMemory::sync() const {
  if (window_ == MPI_WIN_NULL) return;
  MPI_Win_sync(window_);
  node_.barrier();
  MPI_Win_sync(window_);
}

}  // namespace orbitmill
