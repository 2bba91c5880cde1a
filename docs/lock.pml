/*
 * The lock of src/disk/file-lock.ts, for the model checker spin: `npm run acceptance`.
 *
 * Process 0 is alone in its pid namespace, processes 1 and 2 share another one. Each makes CHANGES changes of the file.
 * CRASHES times a process is killed between any two steps, and FREEZES times one is frozen and goes on later. Within a
 * namespace a dead process is known to be dead, and a frozen one to be alive. In another namespace, a process seems dead
 * if it is dead or frozen; so a process that runs is assumed to send heartbeats in time.
 *
 * Proven:
 * - No update is lost: whoever replaces the file has read what was there. assertHeld and the rename after it are not
 *   atomic: a process that is frozen between the two may lose the lock. Its rename then succeeds before the next owner has
 *   read the file, or fails, because the next owner has removed its temporary file before reading. Without either of
 *   the two (-DNO_ASSERT, -DNO_REMOVAL) an update is lost. With --in-place there is no rename that could fail: it needs
 *   the assumption that a process is not frozen between assertHeld and its last write.
 *   So does the removal of a new file whose token could not be delivered (removeFile, atomic-file.ts); neither is in the
 *   model. It assumes, too, that removeLeftovers may remove the temporary files of others.
 * - There is no deadlock.
 * - Without crashes and freezes each process gets the lock for each of its changes, under weak fairness (-DLIVE). The
 *   number of changes is bounded: a process that polls may always come too late if others change the file forever.
 *
 * A step is one system call, or several that no other process can tell apart. Its comment names the function it is in.
 */
#define PROCESSES 3
#ifndef CHANGES
#define CHANGES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef FREEZES
#define FREEZES 1
#endif
#define OWNERS (PROCESSES * CHANGES)

/* Owner files have the names 1 to OWNERS, each of them used once. */
#define processOf(owner) ((owner - 1) / CHANGES)
#define isElsewhere(owner) ((me == 0) != (processOf(owner) == 0))
#define seemsDead(owner) (!alive[owner] || (isElsewhere(owner) && frozen[processOf(owner)]))

byte lock;                   /* the owner file in the lock directory; 0: the lock is free */
byte candidate[OWNERS + 1];  /* 0: none; 1: an empty directory; 2: it contains its owner file */
bool temporary[OWNERS + 1];  /* the temporary file of an owner */
bool alive[OWNERS + 1];
byte file;                   /* the number of changes */
bool frozen[PROCESSES];
bool killed[PROCESSES];
byte finished;

#define STEP(statements) atomic { !frozen[me] -> statements }
#define STEP_IF(condition) (!frozen[me] && (condition))

active [PROCESSES] proctype changer() {
  byte me = _pid;
  byte change, own, owner, seen, at;
  bool isListed[OWNERS + 1];
  bool isHeld;
  do
  :: change == CHANGES -> break
  :: change < CHANGES ->
    change++;
    own = me * CHANGES + change;
    {
      STEP(alive[own] = true);                                            /* newOwner, lock-owner.ts */
      do
      :: STEP(owner = lock);                                              /* clearDead, file-lock.ts */
        if
        :: owner != 0 ->
          if
          :: STEP_IF(seemsDead(owner));                                   /* classifyOwner, lock-owner.ts */
            STEP(if :: lock == owner -> lock = 0 :: else fi)              /* removeOwner, lock-owner.ts */
          :: STEP_IF(lock != owner)                                       /* pauseAfter, file-lock.ts */
          fi
        :: owner == 0 ->
          STEP(candidate[own] = 1);                                       /* tryToAcquire, lock-candidate.ts */
          STEP(if :: candidate[own] == 1 -> candidate[own] = 2 :: else fi); /* createOwner, lock-candidate.ts */
          STEP(                                                           /* becomeLock, lock-candidate.ts */
            if
            :: lock == 0 && candidate[own] != 0 ->
              lock = (candidate[own] == 2 -> own : 0);
              candidate[own] = 0
            :: else
            fi);
          STEP(isHeld = (lock == own));                                   /* isOwnerIn, lock-candidate.ts */
          if
          :: isHeld -> break
          :: !isHeld -> STEP(candidate[own] = 0)                          /* release, lock-candidate.ts */
          fi
        fi
      od;

      STEP(                                                               /* namesBeside, lock-leftovers.ts */
        at = 1;
        do
        :: at > OWNERS -> break
        :: at <= OWNERS -> isListed[at] = (temporary[at] || candidate[at] != 0); at++
        od;
        at = 1);
#ifndef NO_REMOVAL
      do
      :: at > OWNERS -> break
      :: at <= OWNERS && !isListed[at] -> at++
      :: at <= OWNERS && isListed[at] ->
        STEP(temporary[at] = false; isListed[at] = false);                /* removeLeftovers, lock-leftovers.ts */
        if
        :: STEP_IF(candidate[at] != 0 && seemsDead(at));                  /* isOrphan, lock-leftovers.ts */
          STEP(                                     /* removeOwner, lock-owner.ts: wherever the directory is by now */
            if
            :: candidate[at] == 2 -> candidate[at] = 1
            :: candidate[at] != 2 && lock == at -> lock = 0
            :: else
            fi);
          STEP(if :: candidate[at] == 1 -> candidate[at] = 0 :: else fi)  /* removeIfEmpty, open-directory.ts */
        :: STEP_IF(candidate[at] == 0 || alive[at])
        fi
      od;
#endif

      STEP(seen = file);                                                  /* readSnapshot, atomic-file.ts */
      STEP(temporary[own] = true);                                        /* replaceFile, atomic-file.ts */
      STEP(isHeld = (lock == own));                                       /* requireHeld, file-lock.ts */
#ifdef NO_ASSERT
      isHeld = true;
#endif
      if
      :: isHeld ->
        STEP(                                                             /* replaceFile, atomic-file.ts */
          if
          :: temporary[own] -> assert(file == seen); file++; temporary[own] = false
          :: else
          fi)
      :: !isHeld -> STEP(temporary[own] = false)                          /* replaceFile, atomic-file.ts */
      fi;
      STEP(if :: lock == own -> lock = 0 :: else fi)                      /* release, lock-candidate.ts */
    } unless { killed[me] };
    d_step {
      killed[me] = false;
      alive[own] = false;
      owner = 0; seen = 0; isHeld = false; at = 1;
      do
      :: at > OWNERS -> break
      :: at <= OWNERS -> isListed[at] = false; at++
      od;
      at = 0
    }
  od;
  finished++
}

active proctype system() {
  byte crashes, freezes, it;
end:
  do
  :: crashes < CRASHES -> atomic { select(it : 0 .. 2); killed[it] = true; crashes++; it = 0 }
  :: freezes < FREEZES -> atomic { select(it : 0 .. 2); frozen[it] = true; freezes++; it = 0 }
  :: frozen[0] -> frozen[0] = false
  :: frozen[1] -> frozen[1] = false
  :: frozen[2] -> frozen[2] = false
  od
}

#ifdef LIVE
ltl everybody { <> (finished == PROCESSES) }
#endif
