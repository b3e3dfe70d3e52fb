/// What a campaign takes over from the file of an earlier run.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstdint>

#include "orbitmill/app/campaign_job.hpp"

namespace orbitmill {

struct TakenOver {
  std::uint64_t rows = 0;
  std::uint64_t families = 0;
};

/// Fills in what `campaign` knows from the file `job.output`: rows that are asked for again and are
/// no failures, entries of the list that a search rejected, families that were gone through.
/// Collective. Throws AgreedError where the file answers another question (task, fields), or has
/// registers that this job does not ask for: they would be lost. A campaign that goes on ends with
/// the same datasets as one that begins anew.
TakenOver take_over(const boost::mpi::communicator& comm, const CampaignJob& job,
                    Campaign& campaign);

}  // namespace orbitmill
