#include "campaign_resume.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <functional>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/symmetry.hpp"
#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {
namespace {

/// Rows held in two shapes at a time, as columns and as rows.
constexpr std::uint64_t block_rows = 65536;

[[noreturn]] void refuse(const CampaignJob& job, const std::string& why) {
  throw CannotCreateError(
      fmt::format("cannot go on with \"{}\": {}; choose another file with -o, or replace it with "
                  "--overwrite",
                  job.output, why));
}

void check_question(const CampaignJob& job, const CampaignRecord& old) {
  if (old.task != job.task) {
    refuse(job,
           fmt::format("its task is {}, this job's is {}", name_of(old.task), name_of(job.task)));
  }
  for (const FieldRecord& field : old.fields) {
    const auto own = std::ranges::find(job.fields, field.order, &FieldRecord::order);
    if (own != job.fields.end() && own->modulus != field.modulus) {
      refuse(job, fmt::format("its GF({}) is modulo \"{}\", this job's modulo \"{}\"", field.order,
                              field.modulus, own->modulus));
    }
  }
}

/// What root reads of the file's list: a register that a search rejected is rejected again.
void read_rejected(const CampaignReader& reader, Campaign& campaign) {
  for (std::uint64_t first = 0; first < reader.list_size(); first += block_rows) {
    for (const CampaignReader::ListRow& old : reader.list(first, block_rows)) {
      if (old.outcome != ListOutcome::rejected) continue;
      const std::uint64_t entry = campaign.list.find(old.canonical);
      // The filter may be another one now.
      if (entry != RegisterList::none && campaign.asked(old.canonical))
        campaign.outcomes[entry] = ListOutcome::rejected;
    }
  }
}

bool has_register(const FormFamily& family, std::string_view canonical) {
  const KeyedRegister reg = register_of_key(canonical);
  return reg.field_order == 2 && reg.length == family.length() && reg.feedback.is_nonsingular() &&
         family.least_member(reg.feedback).has_value();
}

struct OwnPart {
  std::uint64_t taken = 0;
  std::uint64_t not_asked = 0;
};

/// This rank's part of the rows. A failure may have been the machine's: it is tried again, and so
/// is every family that it belongs to.
OwnPart read_rows(const boost::mpi::communicator& comm, const CampaignReader& reader,
                  Campaign& campaign, std::vector<int>& gone_through) {
  OwnPart part;
  const Interval own = equal_part(reader.record().rows, static_cast<std::uint64_t>(comm.rank()),
                                  static_cast<std::uint64_t>(comm.size()));
  for (std::uint64_t first = own.first; first < own.last; first += block_rows) {
    const CampaignRows rows = reader.rows(first, std::min(block_rows, own.last - first));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const CampaignRow row = rows[i];
      if (row.verdict == Verdict::failed) {
        for (std::size_t k = 0; k < campaign.families.size(); ++k) {
          if (has_register(campaign.families[k], row.canonical)) gone_through[k] = 0;
        }
        continue;
      }
      if (!campaign.asked(row.canonical)) {
        ++part.not_asked;
        continue;
      }
      const std::uint64_t entry = campaign.list.find(row.canonical);
      if (entry != RegisterList::none) campaign.outcomes[entry] = ListOutcome::row;
      campaign.taken_over.add(row);
      ++part.taken;
    }
  }
  return part;
}

}  // namespace

TakenOver take_over(const boost::mpi::communicator& comm, const CampaignJob& job,
                    Campaign& campaign) {
  campaign.outcomes.assign(campaign.list.size(), ListOutcome::open);
  std::vector<int> gone_through(campaign.families.size(), 0);
  std::vector<FamilyCount> counts(campaign.families.size());
  OwnPart own;
  agree(comm, [&] {
    const CampaignReader reader(job.output);
    const CampaignRecord& old = reader.record();
    check_question(job, old);
    // A family of another filter was not gone through as this job asks; its rows still serve.
    for (std::size_t i = 0; old.filter == job.filter.text() && i < job.families.size(); ++i) {
      const FamilyRecord wanted{
          job.families[i].form, job.families[i].length, job.families[i].ranges_text, {}};
      for (const FamilyRecord& known : old.families) {
        if (!known.is_same_question(wanted)) continue;
        gone_through[i] = 1;
        counts[i] = known.count;
      }
    }
    if (comm.rank() == 0) read_rejected(reader, campaign);
    own = read_rows(comm, reader, campaign, gone_through);
  });
  const auto not_asked = boost::mpi::all_reduce(comm, own.not_asked, std::plus<>());
  agree(comm, [&] {
    if (not_asked > 0) {
      refuse(job, fmt::format("it has {} register{} that this job does not ask for, and they would "
                              "be lost",
                              not_asked, not_asked == 1 ? "" : "s"));
    }
  });
  TakenOver taken;
  taken.rows = boost::mpi::all_reduce(comm, own.taken, std::plus<>());
  constexpr std::uint64_t piece = std::uint64_t{1} << 30;
  for (std::uint64_t first = 0; first < campaign.outcomes.size(); first += piece) {
    const std::uint64_t count = std::min(piece, campaign.outcomes.size() - first);
    // A row found goes before a rejection read from the list; both say more than open.
    MPI_Allreduce(MPI_IN_PLACE, campaign.outcomes.data() + first, static_cast<int>(count),
                  MPI_UINT8_T, MPI_MAX, comm);
  }
  campaign.counts.resize(campaign.families.size());
  for (std::size_t i = 0; i < campaign.families.size(); ++i) {
    if (boost::mpi::all_reduce(comm, gone_through[i], boost::mpi::minimum<int>()) == 0) continue;
    campaign.counts[i] = counts[i];
    ++taken.families;
  }
  return taken;
}

}  // namespace orbitmill
