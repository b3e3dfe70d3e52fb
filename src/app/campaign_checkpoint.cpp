#include "campaign_checkpoint.hpp"

#include <fmt/format.h>

namespace orbitmill {
namespace {

/// Of what indices and records mean; to be raised when they change.
constexpr const char* work_version = "1";

/// All that decides rows and indices. What an earlier result file has does not: its registers are
/// left out here, and done again where the file is gone.
CheckpointJob asked_for(const CampaignJob& job, const Campaign& campaign) {
  std::string fields;
  for (const FieldRecord& field : job.fields) {
    fields += fmt::format("{}GF({})", fields.empty() ? "" : ", ", field.order);
    if (!field.modulus.empty()) fields += fmt::format(" modulo {}", field.modulus);
  }
  const std::string filter = job.filter.text();
  CheckpointJob asked = {
      {"command", "campaign"},
      {"task", std::string(name_of(job.task))},
      {"fields", fields},
      {"filter", filter.empty() ? "none" : filter},
      {"list", campaign.list.size() == 0
                   ? "empty"
                   : fmt::format("{} registers with checksum {:016x}", campaign.list.size(),
                                 campaign.list.checksum())},
      {"families", std::to_string(job.families.size())},
      {"version of the phases", work_version}};
  for (std::size_t i = 0; i < job.families.size(); ++i) {
    const FamilyJob& family = job.families[i];
    asked[fmt::format("family {}", i + 1)] =
        fmt::format("{}, n = {}{}{}", family.form, family.length,
                    family.ranges_text.empty() ? "" : ", ", family.ranges_text);
  }
  return asked;
}

}  // namespace

CampaignCheckpoint::CampaignCheckpoint(const boost::mpi::communicator& comm, const CampaignJob& job,
                                       const Campaign& campaign, const Log& log)
    : Checkpointing(comm, job.output, job.checkpoints, log) {
  const CheckpointJob asked = asked_for(job, campaign);
  find([&](const CheckpointJob& found) { compare_jobs(folder(), found, asked); });
  open(asked, true);
}

}  // namespace orbitmill
