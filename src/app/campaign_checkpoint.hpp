/// The checkpoint of `campaign`: whose it is.
#pragma once

#include "checkpointing.hpp"
#include "orbitmill/app/campaign_job.hpp"

namespace orbitmill {

class CampaignCheckpoint final : public Checkpointing {
 public:
  /// As Checkpointing::find(); then there is a keeper. Keeps references. `campaign` has the list of
  /// `job`.
  CampaignCheckpoint(const boost::mpi::communicator& comm, const CampaignJob& job,
                     const Campaign& campaign, const Log& log);
};

}  // namespace orbitmill
