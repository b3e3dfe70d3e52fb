/// One-sided communication between nodes on stock Debian.
#pragma once

namespace orbitmill {

/// Debian's configuration of Open MPI 4.1 sets `osc = ^ucx,pt2pt`: over TCP no one-sided component is left,
/// and a window across nodes cannot be created. Where exactly that value is in force, this sets
/// `sm,pt2pt` instead, through the MPI tool interface, for this process. Any other value is a site's own
/// choice (UCX on InfiniBand, say) and stays. Call before MPI_Init, on every rank. Other MPIs: no effect.
void allow_windows_over_tcp();

}  // namespace orbitmill
