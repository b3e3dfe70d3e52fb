/// What a run that can be interrupted was asked about checkpoints, checked and complete.
#pragma once

#include "orbitmill/app/options.hpp"

namespace orbitmill {

struct CheckpointSettings {
  double every_s = 300;    ///< 0: no checkpoints
  double max_minutes = 0;  ///< 0: no limit
  bool restart = false;    ///< discard the checkpoint of an earlier run

  bool saves() const noexcept { return every_s > 0; }

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& every_s& max_minutes& restart;
  }
};

/// Throws UsageError.
CheckpointSettings resolve_checkpoints(const RunOptions& run);

}  // namespace orbitmill
