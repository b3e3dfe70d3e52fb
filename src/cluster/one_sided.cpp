#include "orbitmill/cluster/one_sided.hpp"

#include <mpi.h>

#include <algorithm>
#include <string>
#include <vector>

namespace orbitmill {
namespace {

constexpr const char* debian_value = "^ucx,pt2pt";
/// Shared memory on one node, two-sided emulation between nodes: both are in every Open MPI 4.1.
constexpr const char* working_value = "sm,pt2pt";

void replace_debian_value(int index) {
  MPI_T_cvar_handle handle = MPI_T_CVAR_HANDLE_NULL;
  int length = 0;
  if (MPI_T_cvar_handle_alloc(index, nullptr, &handle, &length) != MPI_SUCCESS) return;
  std::vector<char> value(static_cast<std::size_t>(std::max(length, 64)) + 1);
  if (MPI_T_cvar_read(handle, value.data()) == MPI_SUCCESS &&
      std::string(value.data()) == debian_value) {
    MPI_T_cvar_write(handle, working_value);
  }
  MPI_T_cvar_handle_free(&handle);
}

}  // namespace

void allow_windows_over_tcp() {
  int provided = 0;
  if (MPI_T_init_thread(MPI_THREAD_SINGLE, &provided) != MPI_SUCCESS) return;
  int index = 0;
  if (MPI_T_cvar_get_index("osc", &index) == MPI_SUCCESS) replace_debian_value(index);
  // Not finalized: Open MPI 4.1 would close the variables again and forget the value before
  // MPI_Init.
}

}  // namespace orbitmill
